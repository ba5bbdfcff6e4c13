"""Keeps many small matrix products on one core. Knows no engine."""

from threadpoolctl import threadpool_limits


def single_threaded() -> threadpool_limits:
    """While this lasts, numpy, scipy and scikit-learn use one thread. More wait for each other at every small product:
    on two busy cores an evaluation's figures took seven times the CPU time."""
    return threadpool_limits(limits=1)
