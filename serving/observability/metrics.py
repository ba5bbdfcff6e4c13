"""What the service counts, for Prometheus, in a registry of its own: vLLM fills the global one.

Labels are few, and none is made up by a client: routes by their template, courses and labs that are served by their
name, a rubric of the client's own by one word, reasons by their kind. The course is empty for what `/readyz` asks of a
model that was started without a course. A course that is not served any more leaves nothing behind.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from labs_schema.grades import CriterionGrade, Grade
from serving.grading.grader import Grader
from serving.observability.gauges import CacheTokens, JobsNow, WaitingNow
from serving.observability.review_kinds import review_kind
from serving.observability.timed_engine import EngineTimes
from serving.scheduler.engine_queue import QueuedSubmission
from serving.scheduler.engine_thread import EngineCall, EngineThread
from serving.store.errors import StoreError

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0)
INLINE = "(inline rubric)"


class Metrics:
    """Told of requests by `RequestsSeen`, of grades by the engine's thread; asks about queue, cache and jobs when it
    is read."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._seconds = 0.0
        self._courses: frozenset[str] = frozenset()
        self._served: Callable[[], Collection[str]] | None = None
        self._lock = Lock()
        self._engines = EngineTimes()
        self._requests = Counter(
            "grader_requests", "Requests answered.", ("route", "method", "status"), registry=self.registry
        )
        self._took = Histogram(
            "grader_request_seconds",
            "From a request to its answer.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._stages = Histogram(
            "grader_stage_seconds",
            "Of a graded submission: waiting in the queue, preparing (prompts and what is made of answers) and engine "
            "of its batch, and all together.",
            ("course", "stage"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._criteria = Counter(
            "grader_criteria",
            "Criteria graded, by what came of them.",
            ("course", "lab", "outcome"),
            registry=self.registry,
        )
        self._reviews = Counter(
            "grader_reviews", "Reasons for a person to look, by kind.", ("course", "kind"), registry=self.registry
        )
        self._mass = Histogram(
            "grader_label_mass",
            "Probability that the model gave to answering with a letter.",
            ("course",),
            buckets=SHARES,
            registry=self.registry,
        )
        self.registry.register(CacheTokens(self._cache))

    def text(self) -> bytes:
        """All of it in Prometheus's text form."""
        self._drop_courses()
        return generate_latest(self.registry)

    def watch_queue(self, engine: EngineThread) -> None:
        self.registry.register(WaitingNow(engine, lambda: self._courses))

    def watch_jobs(self, states: Callable[[], Mapping[str, int]]) -> None:
        """`states`: how many jobs there are by state; asked in the thread that reads the metrics."""
        self.registry.register(JobsNow(states))

    def watch_courses(self, served: Callable[[], Collection[str]]) -> None:
        """`served`: the courses there are now; what was counted of others is dropped when the metrics are read."""
        self._served = served

    def watched(self, grader: Grader) -> Grader:
        """`grader`, the time of whose engine is taken from now on; of several, all together."""
        grader.engine = self._engines.of(grader.engine)
        return grader

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        self._requests.labels(route, method, str(status)).inc()
        self._took.labels(route).observe(seconds)

    def graded(self, batch: Sequence[QueuedSubmission], call: EngineCall, grades: Sequence[Grade]) -> None:
        """A batch that the engine's thread graded."""
        total = self._engines.seconds
        engine, self._seconds = total - self._seconds, total
        with self._lock:
            self._courses |= {queued.course for queued in batch}
            for queued, grade in zip(batch, grades, strict=True):
                self._count(queued, grade, call, engine)

    def _count(self, queued: QueuedSubmission, grade: Grade, call: EngineCall, engine: float) -> None:
        for stage, seconds in (
            ("waiting", call.started - queued.submitted),
            ("preparing", call.ended - call.started - engine),
            ("engine", engine),
            ("total", call.ended - queued.submitted),
        ):
            self._stages.labels(queued.course, stage).observe(max(0.0, seconds))
        for answer in grade.criteria:
            self._criterion(queued.course, grade.lab or INLINE, answer)

    def _criterion(self, course: str, lab: str, answer: CriterionGrade) -> None:
        outcome = answer.status.value if answer.ungraded is None else "ungraded"
        self._criteria.labels(course, lab, outcome).inc()
        for kind in {review_kind(reason) for reason in answer.review_reasons}:
            self._reviews.labels(course, kind).inc()
        if answer.label_mass is not None:
            self._mass.labels(course).observe(answer.label_mass)

    def _drop_courses(self) -> None:
        """Where the store cannot say which are served, all stay."""
        known = self._courses
        try:
            gone = known - frozenset(self._served()) if self._served else frozenset[str]()
        except StoreError:
            return
        with self._lock:
            self._courses -= gone
            for course in gone:
                for counted in (self._stages, self._criteria, self._reviews, self._mass):
                    counted.remove_by_labels({"course": course})

    def _cache(self) -> Mapping[str, int]:
        return dict(zip(("looked_up", "found"), self._engines.cache_counts(), strict=True))
