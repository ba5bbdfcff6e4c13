"""Opens the engine thread of a service or worker: with one model, or with the models of all registered courses."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from labs_schema.errors import GraderError
from labs_schema.frozen import Frozen
from labs_schema.limits import LabLimits, QueueLimits
from serving.courses.course_registry import CourseRegistry
from serving.courses.errors import CourseRefusedError, UnknownCourseError
from serving.courses.length_check import LengthCheck
from serving.courses.loading import CourseLoader, default_bases
from serving.courses.model_pool import CourseModelPool
from serving.engines.engine_choice import EngineName
from serving.grading.grader import Grader
from serving.model.loading import GraderOptions, load_grader
from serving.observability.telemetry import Telemetry
from serving.scheduler.engine_thread import EngineThread
from serving.scheduler.graders import GradesSubmissions, ModelPool
from serving.store.store import Store

MAX_CHARS_PER_TOKEN = 32
"""No program has more characters per token, so a longer one cannot fit the model's context."""
NO_COURSES = (
    "No course has a model. Pass one for all requests with --model, or register one per course: "
    "grader courses add cs101 --model runs/latest --labs labs"
)


class ModelOptions(Frozen):
    """The model of one course (`course` defaults to the name of the folder `labs`); None: all registered courses.

    `orders` of the options to average over: None for the model's default. `models`: base models open at a time.
    """

    model: str | None
    labs: Path | None = None
    course: str | None = None
    engine: EngineName = "auto"
    orders: int | None = None
    models: int | None = None

    @property
    def grader_options(self) -> GraderOptions:
        return GraderOptions(engine=self.engine, orders=self.orders)


@dataclass(frozen=True)
class OpenEngine:
    """`max_chars`: longer programs cannot fit the model."""

    thread: EngineThread
    max_chars: int


def open_engine(
    store: Store,
    options: ModelOptions,
    screen: Console,
    *,
    report: Callable[[str], None],
    capacity: int = 1,
    telemetry: Telemetry | None = None,
) -> OpenEngine:
    """Returns once the models are loaded. `report` receives later messages about loaded models.

    Raises GraderError if the model cannot be used, or without a model if no course is registered.
    """
    if options.model:
        return _open_one_model(options.model, options.grader_options, screen, capacity, telemetry)
    registry = CourseRegistry(store.database)
    if not registry.registered():
        raise GraderError(NO_COURSES, code="no-courses")
    watched = telemetry.metrics.watched if telemetry else None
    loader = CourseLoader(options.grader_options, watched=watched)
    max_bases = options.models or default_bases(options.engine)

    def open_pool() -> CourseModelPool:
        pool = CourseModelPool(
            registry.registered, loader.check, max_bases=max_bases, check_length=LengthCheck().check, report=report
        )
        for course in list(registry.registered())[:max_bases]:
            with suppress(CourseRefusedError, UnknownCourseError):
                pool.load(course)
        return pool

    thread = _start(open_pool, capacity, QueueLimits().course_share, telemetry)
    return OpenEngine(thread, LabLimits().submission_bytes)


def _open_one_model(
    model: str, options: GraderOptions, screen: Console, capacity: int, telemetry: Telemetry | None
) -> OpenEngine:
    started, context_lengths = time.monotonic(), []

    def open_grader() -> Grader:
        grader = load_grader(model, options)
        context_lengths.append(grader.encoder.context_length)
        return telemetry.metrics.watched(grader) if telemetry else grader

    with screen.status(f"loading {escape(model)}"):
        thread = _start(open_grader, capacity, 1.0, telemetry)
    screen.print(f"model: {escape(model)}, loaded in {time.monotonic() - started:.1f} s")
    return OpenEngine(thread, min(MAX_CHARS_PER_TOKEN * context_lengths[0], LabLimits().submission_bytes))


def _start(
    open_models: Callable[[], GradesSubmissions | ModelPool],
    capacity: int,
    course_share: float,
    telemetry: Telemetry | None,
) -> EngineThread:
    observers = telemetry.observers if telemetry else ()
    thread = EngineThread(open_models, capacity=capacity, course_share=course_share, observers=observers)
    if telemetry:
        telemetry.metrics.watch_queue(thread)
    thread.wait_until_open()
    return thread
