"""A thread that looks for work again and again until it is stopped."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger("grader.jobs")


class Poller(ABC):
    """Calls `look` every `poll_seconds`, and after `notify`. `stop` waits up to `stop_seconds` for a running call."""

    def __init__(self, name: str, *, poll_seconds: float, stop_seconds: float) -> None:
        self._name, self._poll_seconds, self._stop_seconds = name, poll_seconds, stop_seconds
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def look(self) -> object:
        """Does what is due. A long call checks `_stopping` and leaves the rest to the next process."""

    @contextmanager
    def running(self) -> Iterator[None]:
        self.start()
        try:
            yield
        finally:
            self.stop()

    def start(self) -> None:
        self._thread.start()

    def notify(self, _: object = None) -> None:
        """Looks for work at once."""
        self._wake.set()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        self._thread.join(self._stop_seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except Exception as error:  # such as an unreachable store: the next look may succeed
                log.error("looking for work failed (%s): %s", self._name, type(error).__name__)
            self._wake.wait(self._poll_seconds)
            self._wake.clear()
