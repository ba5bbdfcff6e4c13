"""Which of several engine servers is asked what. Knows addresses and failures, no HTTP and no model."""

import hashlib
import time
from collections.abc import Callable, Sequence
from threading import Lock

LONGEST_REST = 60.0


class Servers:
    """Prefers, for every key, the same server, so that what it has cached is used again (rendezvous hashing: Thaler &
    Ravishankar, Using Name-Based Mappings to Increase Hit Rates, 1998). Thread-safe.

    A server that failed rests `rest` seconds, and twice as long each time that it fails again after its rest, up to
    `LONGEST_REST`: it is then asked only where no other is left. It comes back by itself, and only what it had cached
    moved meanwhile.
    """

    def __init__(self, urls: Sequence[str], *, rest: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.urls = tuple(dict.fromkeys(url.rstrip("/") for url in urls))
        self._rest, self._clock = rest, clock
        self._back: dict[str, float] = {}
        self._rests: dict[str, float] = {}
        self._lock = Lock()

    def only(self, urls: Sequence[str]) -> None:
        """From now on these of them."""
        self.urls = tuple(url for url in self.urls if url in urls)

    def order(self, key: bytes) -> list[str]:
        """All servers, the one to ask first in front."""
        ranked = sorted(self.urls, key=lambda url: hashlib.sha256(key + url.encode()).digest())
        with self._lock:
            resting = {url for url, until in self._back.items() if until > self._clock()}
        return [url for url in ranked if url not in resting] + [url for url in ranked if url in resting]

    def failed(self, url: str) -> None:
        """`url` did not answer, or answered nothing that can be used."""
        with self._lock:
            if self._back.get(url, 0.0) > (now := self._clock()):
                return  # one failure, seen by several
            self._rests[url] = min(2 * self._rests.get(url, self._rest / 2), LONGEST_REST)
            self._back[url] = now + self._rests[url]

    def answered(self, url: str) -> None:
        with self._lock:
            self._back.pop(url, None)
            self._rests.pop(url, None)
