"""Metrics that are read from other parts of the service at each scrape: prefix cache, queue, jobs."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from serving.jobs.job import Job, RequestedState, State
from serving.jobs.repository import JobRepository
from serving.scheduler.engine_thread import EngineThread
from serving.store.errors import StoreError, UnknownError


class PrefixCacheCollector(Collector):
    """`read` returns the prompt tokens looked up in the engines' prefix caches, and those found there."""

    def __init__(self, read: Callable[[], tuple[int, int]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(
            "grader_prefix_cache_tokens", "Prompt tokens in the engine's prefix cache.", labels=["what"]
        )
        for label, tokens in zip(("looked_up", "found"), self._read(), strict=True):
            family.add_metric([label], tokens)
        yield family


class QueueCollector(Collector):
    """Length of the engine's queue by course; 0 for those of `courses` with nothing in it."""

    def __init__(self, engine: EngineThread, courses: Callable[[], Iterable[str]]) -> None:
        self._engine, self._courses = engine, courses

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "grader_queue_length", "Submissions waiting for the engine.", labels=["course", "kind"]
        )
        zero = dict.fromkeys(self._courses(), 0)
        for kind, waiting in (
            ("interactive", self._engine.queue.counts()),
            ("background", self._engine.queue.counts(background=True)),
        ):
            for course, count in {**zero, **waiting}.items():
                family.add_metric([course, kind], count)
        yield family


class JobsCollector(Collector):
    """Number of jobs by state. Exports nothing while the store cannot be read."""

    def __init__(self, jobs: JobRepository) -> None:
        self._jobs = jobs

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily("grader_jobs", "Regrading jobs by state.", labels=["state"])
        for state, count in count_jobs(self._jobs).items():
            family.add_metric([state.value], count)
        yield family


def count_jobs(jobs: JobRepository) -> Mapping[State, int]:
    """State -> number of jobs, for every state; empty if the store cannot be read.

    Reads the progress of active jobs only: finished ones are many.
    """
    found = Counter(dict.fromkeys(State, 0))
    try:
        for job in jobs.all():
            active = job.finished_at is None and job.requested is RequestedState.RUN
            found[jobs.progress(job.id).state if active else _inactive_state(job)] += 1
    except (StoreError, UnknownError):
        return {}
    return found


def _inactive_state(job: Job) -> State:
    if job.requested is RequestedState.CANCEL:
        return State.CANCELLED
    if job.finished_at is None:
        return State.PAUSED
    return State.DONE if job.failure is None else State.FAILED
