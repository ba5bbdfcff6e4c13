"""Metrics that are read from other parts of the service at each scrape: prefix cache, queue, jobs."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from serving.jobs.job import RequestedState, State
from serving.jobs.progress import state_of
from serving.jobs.repository import JobRepository
from serving.scheduler.engine_queue import EngineQueue
from serving.store.errors import StoreError, UnknownError


class ScrapeCollector(Collector):
    """Calls `read` at each scrape."""

    def __init__(self, read: Callable[[], Metric]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        yield self._read()


def prefix_cache_tokens(looked_up: int, found: int) -> Metric:
    family = CounterMetricFamily(
        "grader_prefix_cache_tokens", "Prompt tokens in the engine's prefix cache.", labels=["what"]
    )
    family.add_metric(["looked_up"], looked_up)
    family.add_metric(["found"], found)
    return family


def queue_length(queue: EngineQueue, courses: Iterable[str]) -> Metric:
    """Length of the engine's queue by course; 0 for those of `courses` with nothing in it."""
    family = GaugeMetricFamily("grader_queue_length", "Submissions waiting for the engine.", labels=["course", "kind"])
    zero = dict.fromkeys(courses, 0)
    for kind, background in (("interactive", False), ("background", True)):
        for course, count in {**zero, **queue.counts(background=background)}.items():
            family.add_metric([course, kind], count)
    return family


def jobs_by_state(jobs: JobRepository) -> Metric:
    """Jobs by state; without samples while the store cannot be read."""
    family = GaugeMetricFamily("grader_jobs", "Regrade jobs by state.", labels=["state"])
    for state, count in count_jobs(jobs).items():
        family.add_metric([state.value], count)
    return family


def count_jobs(jobs: JobRepository) -> Mapping[State, int]:
    """State -> number of jobs, for every state; empty if the store cannot be read.

    Reads the progress of active jobs only: finished ones are many.
    """
    found = Counter(dict.fromkeys(State, 0))
    try:
        for job in jobs.all():
            active = job.finished_at is None and job.requested is RequestedState.RUN
            found[jobs.progress(job.id).state if active else state_of(job, 0)] += 1
    except (StoreError, UnknownError):
        return {}
    return found
