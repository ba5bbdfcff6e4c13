"""The one thread that owns the engine: a bounded queue in front of it, micro-batches out of it.

The grader is opened on this thread too, because an engine may tie itself to the thread that makes it (OpenMP pools,
CUDA contexts). Knows no HTTP.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.engines.engine import EngineDownError
from serving.scheduler.engine_queue import EngineQueue, Job, QueueSlot
from serving.scheduler.graders import GradesSubmissions, ModelPool, OneGrader, PreparedSubmission

SWITCH_SECONDS = 0.1
"""What takes longer was no switch to a model that is loaded already."""


@dataclass(frozen=True)
class Span:
    """When a call of the grader began and ended, by `time.monotonic`."""

    began: float
    ended: float


class Watch(Protocol):
    """Is told of what was graded, on the engine's thread: it must be quick. What it raises is dropped."""

    def graded(self, jobs: Sequence[Job], span: Span, grades: Sequence[Grade]) -> None: ...


class EngineThread:
    """Grades what `submit` is given: at most `waiting` queued, up to `batch` of them taken at a time; what is submitted
    as `background` when nobody waits for an answer. `watches` are told of every call of the grader.

    What is taken at a time is of one course, and courses take turns; one whose model had to be loaded for it keeps its
    turn as long as that took, so that at most half of the time is spent on loading. `share`: how much of the queue one
    course may fill.
    """

    def __init__(
        self,
        open_grader: Callable[[], GradesSubmissions | ModelPool],
        *,
        waiting: int = 64,
        batch: int = 16,
        share: float = 1.0,
        watches: Sequence[Watch] = (),
    ) -> None:
        self._queue, self._share = EngineQueue(waiting, share), share
        self._batch, self._open_grader, self._watches = batch, open_grader, watches
        self._answers: WeakKeyDictionary[GradesSubmissions, bool] = WeakKeyDictionary()
        self._opened: Future[None] = Future()
        self._shelf: ModelPool
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def wait_until_open(self) -> None:
        """Returns once the grader is open; raises what opening it raised."""
        self._opened.result()

    @property
    def silent(self) -> tuple[str, ...]:
        """The courses whose model is loaded and has scored nothing yet, or whose last call raised."""
        if not self._opened.done() or self._opened.exception():
            return ()
        return tuple(course for course, grader in self._shelf.loaded.items() if not self._answers.get(grader))

    @property
    def answering(self) -> bool:
        """Whether every model that is loaded has scored a criterion and did not raise when it was last called."""
        opened = self._opened.done() and not self._opened.exception()
        return opened and bool(self._shelf.loaded) and not self.silent

    def check_length(self, submission: Submission, course: str = "") -> None:
        """As the grader's own `check_length`, in the caller's thread, whether or not the course's model is loaded."""
        self.wait_until_open()
        self._shelf.check_length(course, submission)

    def prepare(self, lab: Lab, submission: Submission, course: str = "") -> PreparedSubmission | None:
        """As the grader's own `prepare`, in the caller's thread: what the engine then need not wait for. None where
        the course's model is not loaded yet."""
        self.wait_until_open()
        grader = self._shelf.ready(course)
        return PreparedSubmission(grader.prepare(lab, submission), grader) if grader else None

    def place(self, course: str = "") -> AbstractContextManager[QueueSlot]:
        """In the queue, kept while what is to stand there is made ready: nobody is refused after that work. Raises
        QueueFullError at once."""
        return self._queue.place(course)

    def submit(
        self,
        lab: Lab,
        submission: Submission,
        *,
        course: str = "",
        place: QueueSlot | None = None,
        sheet: PreparedSubmission | None = None,
        reasoning: bool = False,
        background: bool = False,
    ) -> Future[Grade]:
        """Queues at once, in `place` where one was kept; else raises QueueFullError where there is none, or
        ClosedError. The future raises what the grader raised, or what kept the course's model from being loaded.

        `sheet`: what `prepare` made of the submission; without, the engine's thread does that too.
        What is done in the `background` has a queue of its own, which its one caller bounds.
        """
        job = Job(lab, submission, reasoning, sheet, course, background)
        self._queue.put(job, place)
        return job.future

    @property
    def full(self) -> bool:
        """Whether no place is left, whatever the course."""
        return self._queue.full

    @property
    def most_held(self) -> int:
        """As many submissions as are in the service when it is full: those that wait or are made ready to, a batch in
        the engine, and the batch before it on its way out."""
        return self._queue.places + 2 * self._batch

    @property
    def most_held_each(self) -> int:
        """As many of them as may be of one key, so that other courses find room."""
        return math.ceil(self._share * self.most_held)

    @property
    def waiting(self) -> Mapping[str, int]:
        """Course -> how many submissions wait that somebody asked for, of the courses that have any."""
        return self._queue.waiting()

    @property
    def waiting_in_background(self) -> Mapping[str, int]:
        return self._queue.waiting(background=True)

    @property
    def retry_after(self) -> int:
        """Seconds (1 to 60) that what is waiting should take, by the time of the last call."""
        return self._queue.retry_after

    def close(self) -> None:
        """Takes nothing more, grades what is waiting, closes the grader. May be called twice."""
        self._queue.close()
        self._thread.join()

    def _run(self) -> None:
        try:
            opened = self._open_grader()
            self._shelf = opened if isinstance(opened, ModelPool) else OneGrader(opened)
        except BaseException as error:
            self._queue.close()
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        while jobs := self._queue.take(self._batch):
            running = [job for job in jobs if job.future.set_running_or_notify_cancel()]
            if running and (grader := self._grader(running)):
                for reasoning in (False, True):
                    self._answer(grader, [job for job in running if job.reasoning is reasoning])
        self._shelf.close()

    def _grader(self, jobs: Sequence[Job]) -> GradesSubmissions | None:
        """That of the course of `jobs`; where it cannot be loaded, they are told."""
        course, started = jobs[0].course, time.monotonic()
        try:
            grader = self._shelf.of(course)
        except Exception as error:
            for job in jobs:
                job.future.set_exception(error)
            return None
        now = time.monotonic()
        if now - started > SWITCH_SECONDS:
            self._queue.stay(course, 2 * now - started)
        return grader

    def _answer(self, grader: GradesSubmissions, jobs: Sequence[Job]) -> None:
        """One call for all; where it raises, one call for each, so that a bad submission fails alone.

        An engine that is down is not waited for again for each of them."""
        if not jobs:
            return
        started = time.monotonic()
        try:
            work = [(job.lab, job.submission) for job in jobs]
            sheets = [job.sheet.for_(grader) if job.sheet else None for job in jobs]
            grades = grader.grade_each(work, sheets=sheets, reasoning=jobs[0].reasoning)
        except Exception as error:
            if len(jobs) > 1 and not isinstance(error, EngineDownError):
                for job in jobs:
                    self._answer(grader, [job])
                return
            self._answers[grader] = False
            for job in jobs:
                job.future.set_exception(error)
            return
        rated = any(answer.rating for grade in grades for answer in grade.criteria)
        self._answers[grader] = rated or self._answers.get(grader, False)
        span = Span(started, time.monotonic())
        self._queue.seconds = (span.ended - span.began) / len(jobs)
        for watch in self._watches:
            with suppress(Exception):  # what is only counted must not cost anybody a grade
                watch.graded(jobs, span, grades)
        for job, grade in zip(jobs, grades, strict=True):
            job.future.set_result(grade)
