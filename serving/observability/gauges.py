"""What is kept elsewhere and asked for when the metrics are read: queue, cache, jobs. Counts nothing itself."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from serving.scheduler.engine_thread import EngineThread


class CacheTokens(Collector):
    """`read`: what was done with prompt tokens -> how many there were."""

    def __init__(self, read: Callable[[], Mapping[str, int]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(
            "grader_prefix_cache_tokens", "Prompt tokens in the engine's prefix cache.", labels=["what"]
        )
        for label, value in self._read().items():
            family.add_metric([label], value)
        yield family


class WaitingNow(Collector):
    """What waits now; none where a course of `courses` has nothing there."""

    def __init__(self, engine: EngineThread, courses: Callable[[], Iterable[str]]) -> None:
        self._engine, self._courses = engine, courses

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "grader_queue_length", "Submissions that wait for the engine.", labels=["course", "kind"]
        )
        none = dict.fromkeys(self._courses(), 0)
        for kind, waiting in (
            ("interactive", self._engine.queued),
            ("background", self._engine.queued_in_background),
        ):
            for course, count in {**none, **waiting}.items():
                family.add_metric([course, kind], count)
        yield family


class JobsNow(Collector):
    """`states`: state -> jobs."""

    def __init__(self, states: Callable[[], Mapping[str, int]]) -> None:
        self._states = states

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily("grader_jobs", "Regrading jobs by state.", labels=["state"])
        for state, count in self._states().items():
            family.add_metric([state], count)
        yield family
