"""Keeps many small matrix products on one core. Knows no engine."""

from threadpoolctl import threadpool_limits


def single_threaded() -> threadpool_limits:
    """While this lasts, numpy, scipy and scikit-learn use one thread. More only wait for each other here, and after an
    engine has pinned its threads to cores, they wait for minutes."""
    return threadpool_limits(limits=1)
