"""A worker: grades the chunks of unfinished jobs, one chunk at a time for each of its courses."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from labs_schema.limits import JobLimits
from serving.courses.errors import ElsewhereError
from serving.engines.engine import EngineDownError
from serving.jobs.chunk import GradingBackend, grade_chunk
from serving.jobs.errors import (
    LabChangedError,
    NoLabError,
    ObservationsPendingError,
    OtherModelError,
    WorkerStoppedError,
)
from serving.jobs.job import Job
from serving.jobs.poller import Poller
from serving.jobs.tables import workers
from serving.jobs.worker.leases import Leases
from serving.store.errors import StoreError
from serving.store.heartbeats import Heartbeats

log = logging.getLogger("grader.jobs")


@dataclass
class Stall:
    """A job that has made no progress on this worker since `since`, and not because of a submission or an outage.

    `at` is the job's state then (generation, settled submissions). Until `retry_at` the worker skips the job.
    """

    at: tuple[int, int]
    since: float
    pause: float
    retry_at: float


class Worker(Poller):
    """Grades from `start` to `stop`.

    `name` identifies the worker among all workers of the store and stays the same over restarts: the chunks of its
    predecessor are free at once, those of other workers after `limits.dead_seconds` without a heartbeat. If two workers
    share a name by mistake both work, and a chunk may be graded twice, of which the first result counts.
    `courses` returns the courses that `backend` grades now; by default all of them.
    """

    def __init__(
        self,
        backend: GradingBackend,
        name: str = "worker",
        *,
        courses: Callable[[], Collection[str]] | None = None,
        limits: JobLimits | None = None,
    ) -> None:
        self._courses, self._limits = courses, limits or JobLimits()
        super().__init__("worker", poll_seconds=self._limits.poll_seconds, stop_seconds=self._limits.stop_seconds)
        self.backend, self.jobs, self.name = backend, backend.jobs, name
        database = backend.store.database
        self._heartbeats = Heartbeats(database, workers)
        self._leases = Leases(database, f"{name}~{secrets.token_hex(4)}")
        self._stalls: dict[str, Stall] = {}
        self._cursors: dict[str, int] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._next_heartbeat = 0.0

    def start(self) -> None:
        """Raises StoreError."""
        self._heartbeats.leave(f"{self.name}~", prefix=True)
        self._heartbeat()
        super().start()

    def stop(self) -> None:
        """Leaves unfinished chunks to other workers. Waits up to `limits.stop_seconds` for those being graded."""
        until = time.monotonic() + self._limits.stop_seconds
        super().stop()
        for thread in self._threads.values():
            thread.join(max(0.0, until - time.monotonic()))
        with suppress(StoreError):
            self._heartbeats.leave(self._leases.name)

    def look(self) -> None:
        """Starts a thread for each course that has work and no thread."""
        if time.monotonic() >= self._next_heartbeat:
            self._heartbeat()
        open_jobs = self._open_jobs()
        for job_id in set(self._stalls) - {job.id for job in open_jobs}:
            self._stalls.pop(job_id, None)
        for course in dict.fromkeys(job.course for job in open_jobs):
            thread = self._threads.get(course)
            if not self._stopping.is_set() and (thread is None or not thread.is_alive()):
                grade = threading.Thread(target=self._grade_course, args=(course,), name=f"jobs {course}", daemon=True)
                self._threads[course] = grade
                grade.start()

    def _heartbeat(self) -> None:
        courses = self._courses() if self._courses else None
        self._heartbeats.beat(self._leases.name, self._limits.dead_seconds, courses)
        self._next_heartbeat = time.monotonic() + min(self._limits.heartbeat_seconds, self._limits.dead_seconds / 3)

    def _open_jobs(self) -> list[Job]:
        mine = self._courses() if self._courses else None
        return [job for job in self.jobs.unfinished() if mine is None or job.course in mine]

    def _grade_course(self, course: str) -> None:
        """Grades chunks until the course has none left for this worker. After an outage waits longer each time."""
        pause = self._limits.pause_seconds
        while not self._stopping.is_set():
            try:
                if (claimed := self._claim(course)) is None:
                    return
                self._grade_chunk(*claimed)
                pause = self._limits.pause_seconds
            except WorkerStoppedError:
                return
            except ObservationsPendingError:
                self._stopping.wait(self._limits.pause_seconds)
            except (EngineDownError, StoreError, ElsewhereError):
                self._stopping.wait(pause)
                pause = min(2 * pause, self._limits.longest_pause_seconds)
            except Exception as error:  # a bug: `look` starts the next thread
                log.error("a worker could not grade a chunk: %s", type(error).__name__)
                return

    def _claim(self, course: str) -> tuple[Job, int] | None:
        """A chunk of the course's oldest job that has one. Marks jobs without unsettled work as completed."""
        for job in (each for each in self._open_jobs() if each.course == course):
            if (stall := self._stalls.get(job.id)) and time.monotonic() < stall.retry_at:
                continue
            # The cursor saves a scan over all that is settled; chunks before it may have been released since.
            number = self._leases.claim(job, self._cursors.get(job.id, 0))
            if number is None:
                number = self._leases.claim(job)
            if number is not None:
                self._cursors[job.id] = number * job.chunk
                return job, number
            if self._leases.complete(job):
                self._cursors.pop(job.id, None)
                self.jobs.finish(job)
        return None

    def _grade_chunk(self, job: Job, number: int) -> None:
        try:
            grade_chunk(self.backend, job.id, number)
            self._stalls.pop(job.id, None)
        except (LabChangedError, OtherModelError) as error:
            self.jobs.finish(job, str(error))
        except NoLabError as error:
            self._stall(job, str(error))
        except (EngineDownError, StoreError, ElsewhereError, ObservationsPendingError, WorkerStoppedError):
            raise
        except Exception as error:  # only its kind: the text may name a student
            self._stall(job, f"{type(error).__name__} while grading; fix the cause and resume the job")
        finally:
            with suppress(StoreError):  # `claim` renews a lease that could not be released
                self._leases.release(job, number)

    def _stall(self, job: Job, reason: str) -> None:
        """Leaves the job to other workers for a while. Fails it if no submission was settled for
        `limits.stalled_seconds` and no other worker is grading a chunk of the course, behind which it may wait."""
        progress, now = self.jobs.progress(job.id), time.monotonic()
        at = progress.job.generation, progress.graded + len(progress.parked)
        stall = self._stalls.get(job.id)
        if stall is None or stall.at != at or self._leases.others_busy(job.course):
            pause = self._limits.pause_seconds
            self._stalls[job.id] = Stall(at, now, pause, now + pause)
        elif now - stall.since >= self._limits.stalled_seconds:
            self._stalls.pop(job.id, None)
            self.jobs.finish(job, reason)
        else:
            stall.pause = min(2 * stall.pause, self._limits.longest_pause_seconds)
            stall.retry_at = now + stall.pause
