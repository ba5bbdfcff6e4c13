"""An observer: runs the checks of the submissions in the queue, several at a time."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Protocol

from labs_schema.errors import GraderError
from labs_schema.limits import JobLimits, ObserverLimits
from labs_schema.models import Submission
from labs_schema.observations import SubmissionObservations
from serving.observer.queue import ObservationQueue, Work
from serving.observing.isolation.watching import SandboxError
from serving.store.errors import StoreError

log = logging.getLogger("grader.observer")


class ObservesSubmissions(Protocol):
    def observe(self, submission: Submission) -> SubmissionObservations:
        """Raises SandboxError if the sandbox stopped working."""
        ...


class ObserverWorker:
    """Observes from `start` to `stop`, `threads` submissions at a time.

    `name` identifies the observer and stays the same over restarts: what its predecessor had claimed is free at once,
    what other observers had claimed after `limits.dead_seconds` without a heartbeat. `open_observer` gives what runs
    the checks of a submission's lab; it raises GraderError if they cannot be run here. If the sandbox stops working,
    `failure` is set and nothing more is claimed.
    """

    def __init__(
        self,
        queue: ObservationQueue,
        open_observer: Callable[[Work], ObservesSubmissions],
        courses: Callable[[], Collection[str]],
        *,
        name: str = "observer",
        threads: int = 1,
        limits: JobLimits | None = None,
    ) -> None:
        self.queue, self.name = queue, name
        self._open_observer, self._courses, self._limits = open_observer, courses, limits or JobLimits()
        self._id = f"{name}~{secrets.token_hex(4)}"
        self.stopping = threading.Event()
        self.failure: SandboxError | None = None
        self._threads = [threading.Thread(target=self._run, name=f"observer {n}", daemon=True) for n in range(threads)]
        self._threads.append(threading.Thread(target=self._send_heartbeats, name="observer", daemon=True))

    def start(self) -> None:
        """Raises StoreError."""
        self.queue.heartbeats.leave(f"{self.name}~", prefix=True)
        self._beat()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Leaves what is unfinished to other observers."""
        self.stopping.set()
        until = time.monotonic() + self._limits.stop_seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        with suppress(StoreError):
            self.queue.heartbeats.leave(self._id)

    def _beat(self) -> None:
        self.queue.heartbeats.beat(self._id, self._limits.dead_seconds, self._courses())

    def _send_heartbeats(self) -> None:
        while not self.stopping.wait(min(self._limits.heartbeat_seconds, self._limits.dead_seconds / 3)):
            with suppress(StoreError):
                self._beat()

    def _run(self) -> None:
        pause = ObserverLimits().poll_seconds
        while not self.stopping.is_set():
            try:
                work = self.queue.claim(self._id, self._courses())
                if work is not None:
                    self._observe(work)
                    pause = 0.0
                else:
                    pause = ObserverLimits().poll_seconds
            except Exception as error:  # such as an unreachable store: the next check may succeed
                log.error("looking for work failed (observer): %s", type(error).__name__)
                pause = min(max(2 * pause, self._limits.pause_seconds), self._limits.longest_pause_seconds)
            self.stopping.wait(pause)

    def _observe(self, work: Work) -> None:
        try:
            observations = self._open_observer(work).observe(work.submission)
        except SandboxError as error:
            self.failure = error
            self.stopping.set()
            self.queue.release(work)
        except GraderError as error:
            self.queue.fail(work, f"the checks cannot be run: {error.code}")
        except Exception as error:  # only its kind: the text may contain a program
            log.error("checks of %s could not be run: %s", work.lab, type(error).__name__)
            self.queue.fail(work, f"the checks cannot be run: {type(error).__name__}")
        else:
            self.queue.record(work, observations)
