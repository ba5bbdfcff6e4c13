"""The service's Prometheus metrics, in a registry of their own: vLLM fills the global one.

Clients cannot create label values: routes are templates, courses and labs are registered names, reasons for review are
mapped to a fixed set of kinds. The course is empty for the readiness check of a model without a course. Series of a
course that is no longer served are removed.
"""

from collections.abc import Callable, Collection, Sequence
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from labs_schema.grades import CriterionGrade, Grade
from serving.grading.grader import Grader
from serving.jobs.repository import JobRepository
from serving.observability.collectors import ScrapeCollector, jobs_by_state, prefix_cache_tokens, queue_length
from serving.observability.timed_engine import EngineTimes
from serving.scheduler.engine_queue import QueuedSubmission
from serving.scheduler.engine_thread import EngineCall, EngineThread
from serving.scoring.triage import review_code
from serving.store.errors import StoreError

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
PROBABILITIES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0)
INLINE_RUBRIC = "(inline rubric)"
UNKNOWN_ROUTE = "(no route)"
METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))


class Metrics:
    """Updated by the HTTP middleware and by the engine's thread; reads queue, cache and jobs at each scrape."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._lock = Lock()
        self._courses: frozenset[str] = frozenset()
        self._served_courses: Callable[[], Collection[str]] | None = None
        self._engines = EngineTimes()
        self._engine_seconds = 0.0
        self._requests = self._counter("requests", "HTTP requests.", "route", "method", "status")
        self._request_seconds = self._histogram(
            "request_seconds", "Time from a request to the end of its response.", SECONDS, "route"
        )
        self._stage_seconds = self._histogram(
            "stage_seconds",
            "Time of a graded submission in each stage: waiting in the queue, preparing its batch (prompts, and grades "
            "from the engine's output), in the engine with its batch, and in total.",
            SECONDS,
            "course",
            "stage",
        )
        self._criteria = self._counter("criteria", "Graded criteria by outcome.", "course", "lab", "outcome")
        self._reviews = self._counter("reviews", "Reasons for human review by review code.", "course", "kind")
        self._label_mass = self._histogram(
            "label_mass", "Total probability of the option letters.", PROBABILITIES, "course"
        )
        self.registry.register(ScrapeCollector(lambda: prefix_cache_tokens(*self._engines.cache_counts())))

    def text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        self._remove_unserved_courses()
        return generate_latest(self.registry)

    def watch_queue(self, engine: EngineThread) -> None:
        self.registry.register(ScrapeCollector(lambda: queue_length(engine.queue, self._courses)))

    def watch_jobs(self, jobs: JobRepository) -> None:
        self.registry.register(ScrapeCollector(lambda: jobs_by_state(jobs)))

    def watch_courses(self, served: Callable[[], Collection[str]]) -> None:
        """`served` returns the current courses; series of other courses are removed at each scrape."""
        self._served_courses = served

    def watched(self, grader: Grader) -> Grader:
        """`grader`, with an engine whose calls are timed."""
        grader.engine = self._engines.timed(grader.engine)
        return grader

    def request(self, route: str | None, method: str, status: int, seconds: float) -> None:
        """`route`: the template that matched, such as `/labs/{lab}`; None if none matched."""
        route = route or UNKNOWN_ROUTE
        self._requests.labels(route, method if method in METHODS else "(other)", str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def graded(self, batch: Sequence[QueuedSubmission], call: EngineCall, grades: Sequence[Grade]) -> None:
        """Called on the engine's thread after each batch."""
        total = self._engines.seconds
        engine, self._engine_seconds = total - self._engine_seconds, total
        with self._lock:
            self._courses |= {queued.course for queued in batch}
            for queued, grade in zip(batch, grades, strict=True):
                self._count_submission(queued, grade, call, engine)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"grader_{name}", help_text, labels, registry=self.registry)

    def _histogram(self, name: str, help_text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"grader_{name}", help_text, labels, buckets=buckets, registry=self.registry)

    def _count_submission(self, queued: QueuedSubmission, grade: Grade, call: EngineCall, engine: float) -> None:
        for stage, seconds in (
            ("waiting", call.started - queued.submitted),
            ("preparing", call.ended - call.started - engine),
            ("engine", engine),
            ("total", call.ended - queued.submitted),
        ):
            self._stage_seconds.labels(queued.course, stage).observe(max(0.0, seconds))
        for answer in grade.criteria:
            self._count_criterion(queued.course, grade.lab or INLINE_RUBRIC, answer)

    def _count_criterion(self, course: str, lab: str, answer: CriterionGrade) -> None:
        outcome = answer.status.value if answer.ungraded is None else "ungraded"
        self._criteria.labels(course, lab, outcome).inc()
        for code in {review_code(reason) or "other" for reason in answer.review_reasons}:
            self._reviews.labels(course, code).inc()
        if answer.label_mass is not None:
            self._label_mass.labels(course).observe(answer.label_mass)

    def _remove_unserved_courses(self) -> None:
        known = self._courses
        try:
            gone = known - frozenset(self._served_courses()) if self._served_courses else frozenset[str]()
        except StoreError:  # which courses are served is unknown now: remove none
            return
        with self._lock:
            self._courses -= gone
            for course in gone:
                for metric in (self._stage_seconds, self._criteria, self._reviews, self._label_mass):
                    metric.remove_by_labels({"course": course})
