"""The one thread that owns the engine: takes batches from a bounded queue and grades them.

The grader is opened on this thread too: an engine may be tied to the thread that creates it (OpenMP pools, CUDA
contexts).
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.engines.engine import EngineDownError
from serving.scheduler.engine_queue import LIMITS, EngineQueue, QueuedSubmission, QueueSlot
from serving.scheduler.graders import GradesSubmissions, ModelPool, OneGrader, PreparedSubmission


@dataclass(frozen=True)
class EngineCall:
    """When a call of the grader started and ended, by `time.monotonic()`."""

    started: float
    ended: float


class GradingObserver(Protocol):
    """Notified of every graded batch on the engine thread, so it must be quick. Its exceptions are ignored."""

    def graded(self, batch: Sequence[QueuedSubmission], call: EngineCall, grades: Sequence[Grade]) -> None: ...


class EngineThread:
    """Grades submitted work in batches of up to `batch_size`, interactive submissions before background ones.

    A batch is of one course, and courses take turns. A course whose model had to be loaded is preferred for as long as
    loading took, so that at most half of the time is spent on loading. `capacity` bounds the interactive queue,
    `course_share` is the part of it that one course may fill. `queue` is for reserving slots and reading its state.
    """

    def __init__(
        self,
        open_grader: Callable[[], GradesSubmissions | ModelPool],
        *,
        capacity: int = LIMITS.capacity_submissions,
        batch_size: int = LIMITS.batch_submissions,
        course_share: float = 1.0,
        observers: Sequence[GradingObserver] = (),
    ) -> None:
        self.queue = EngineQueue(capacity, course_share)
        self._batch_size, self._open_grader, self._observers = batch_size, open_grader, observers
        self._healthy: WeakKeyDictionary[GradesSubmissions, bool] = WeakKeyDictionary()
        self._opened: Future[None] = Future()
        self._models: ModelPool
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def wait_until_open(self) -> None:
        """Returns when the grader is open. Raises what opening it raised."""
        self._opened.result()

    @property
    def unhealthy_courses(self) -> tuple[str, ...]:
        """Courses whose loaded model has not scored anything yet, or raised in its last call."""
        if not self._opened.done() or self._opened.exception():
            return ()
        return tuple(course for course, grader in self._models.loaded.items() if not self._healthy.get(grader))

    @property
    def healthy(self) -> bool:
        """Whether a model is loaded and no loaded model is unhealthy."""
        opened = self._opened.done() and not self._opened.exception()
        return opened and bool(self._models.loaded) and not self.unhealthy_courses

    def check_length(self, submission: Submission, course: str = "") -> None:
        """The grader's `check_length`, on the caller's thread, whether or not the course's model is loaded."""
        self.wait_until_open()
        self._models.check_length(course, submission)

    def prepare(self, lab: Lab, submission: Submission, course: str = "") -> PreparedSubmission | None:
        """The grader's `prepare`, on the caller's thread. None if the course's model is not loaded."""
        self.wait_until_open()
        grader = self._models.loaded_grader(course)
        return PreparedSubmission(grader.prepare(lab, submission), grader) if grader else None

    def submit(
        self,
        lab: Lab,
        submission: Submission,
        *,
        course: str = "",
        slot: QueueSlot | None = None,
        prepared: PreparedSubmission | None = None,
        reasoning: bool = False,
        background: bool = False,
    ) -> Future[Grade]:
        """Queues a submission in `slot`, or in a new slot; without `prepared`, the engine thread prepares it too.

        Background submissions have a queue of their own, which its one caller bounds. Raises QueueFullError or
        ClosedError. The future raises what the grader or the loading of the course's model raised.
        """
        queued = QueuedSubmission(lab, submission, reasoning, prepared, course, background)
        self.queue.put(queued, slot)
        return queued.future

    def close(self) -> None:
        """Accepts nothing more, grades what is queued, closes the grader. Idempotent."""
        self.queue.close()
        self._thread.join()

    def _run(self) -> None:
        try:
            opened = self._open_grader()
            self._models = opened if isinstance(opened, ModelPool) else OneGrader(opened)
        except BaseException as error:
            self.queue.close()
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        while batch := self.queue.take(self._batch_size):
            running = [queued for queued in batch if queued.future.set_running_or_notify_cancel()]
            if running and (grader := self._load_grader(running)):
                for reasoning in (False, True):
                    self._grade(grader, [queued for queued in running if queued.reasoning is reasoning])
        self._models.close()

    def _load_grader(self, batch: Sequence[QueuedSubmission]) -> GradesSubmissions | None:
        """The grader of the batch's course. If it cannot be loaded, the whole batch fails with the reason."""
        course, started = batch[0].course, time.monotonic()
        try:
            grader = self._models.load(course)
        except Exception as error:
            for queued in batch:
                queued.future.set_exception(error)
            return None
        now = time.monotonic()
        if now - started > LIMITS.model_switch_seconds:
            self.queue.prefer(course, 2 * now - started)
        return grader

    def _grade(self, grader: GradesSubmissions, batch: Sequence[QueuedSubmission]) -> None:
        """Grades a batch in one call. If that raises, each submission is graded alone, so that only the bad one fails.

        When the engine is down the whole batch fails at once: every single call would wait for the same timeout.
        """
        if not batch:
            return
        started = time.monotonic()
        try:
            work = [(queued.lab, queued.submission) for queued in batch]
            requests = [queued.prepared.request_for(grader) if queued.prepared else None for queued in batch]
            grades = grader.grade_each(work, requests=requests, reasoning=batch[0].reasoning)
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, EngineDownError):
                self._grade_alone(grader, batch)
                return
            self._healthy[grader] = False
            for queued in batch:
                queued.future.set_exception(error)
            return
        self._report(grader, batch, EngineCall(started, time.monotonic()), grades)

    def _grade_alone(self, grader: GradesSubmissions, batch: Sequence[QueuedSubmission]) -> None:
        """Grades each submission of a failed batch in a call of its own, until the engine is down."""
        for number, queued in enumerate(batch, 1):
            self._grade(grader, [queued])
            if isinstance(error := queued.future.exception(), EngineDownError):
                for rest in batch[number:]:
                    rest.future.set_exception(error)
                return

    def _report(
        self, grader: GradesSubmissions, batch: Sequence[QueuedSubmission], call: EngineCall, grades: Sequence[Grade]
    ) -> None:
        scored = any(criterion.rating for grade in grades for criterion in grade.criteria)
        self._healthy[grader] = scored or self._healthy.get(grader, False)
        self.queue.submission_seconds = (call.ended - call.started) / len(batch)
        for observer in self._observers:
            with suppress(Exception):  # a failing metric must not cost a grade
                observer.graded(batch, call, grades)
        for queued, grade in zip(batch, grades, strict=True):
            queued.future.set_result(grade)
