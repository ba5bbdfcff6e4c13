"""The courses of the store, served: their labs, and an engine's thread that loads their models when they are used."""

from collections.abc import Callable
from contextlib import suppress

from labs_schema.errors import GraderError
from serving.courses.course_registry import CourseRegistry
from serving.courses.errors import CourseRefusedError, UnknownCourseError
from serving.courses.lengths import CourseLengths
from serving.courses.loading import CourseLoader, most_at_once
from serving.courses.model_pool import CourseModelPool
from serving.engines.engine_choice import EngineName
from serving.observability.telemetry import Telemetry
from serving.scheduler.engine_thread import EngineThread
from serving.store.store import Store

SHARE = 0.5
"""How much of the queue one course may fill, so that there is room for the others."""
NONE = (
    "No course has a model. Name one for all requests, --model runs/latest, or register each course's: "
    "grader courses add cs101 --model runs/latest --labs labs"
)


def open_course_thread(
    store: Store,
    engine: EngineName,
    orders: int | None,
    most: int | None,
    queue: int,
    told: Callable[[str], None],
    observed: Telemetry | None = None,
) -> EngineThread:
    """The thread, once as many models as may be open at a time are loaded, or were refused. Raises GraderError where no
    course is registered."""
    book, most = CourseRegistry(store.database), most or most_at_once(engine)
    if not book.registered():
        raise GraderError(NONE)
    loader = CourseLoader(engine, orders=orders, watched=observed.metrics.watched if observed else None)

    def opened() -> CourseModelPool:
        shelf = CourseModelPool(book.registered, loader.check, most=most, lengths=CourseLengths().check, told=told)
        for course in list(book.registered())[:most]:
            with suppress(CourseRefusedError, UnknownCourseError):
                shelf.load(course)
        return shelf

    observers = observed.observers if observed else ()
    thread = EngineThread(opened, capacity=queue, course_share=SHARE, observers=observers)
    if observed:
        observed.metrics.watch_queue(thread)
    thread.wait_until_open()
    return thread
