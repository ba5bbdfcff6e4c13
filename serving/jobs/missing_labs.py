"""Jobs whose lab this worker has not: for how long it leaves them to others before it says that nobody has it.

Knows no queue. A job goes on elsewhere if more of it is settled than when this worker looked last.
"""

import time
from collections.abc import Set
from typing import NamedTuple


class _Seen(NamedTuple):
    settled: int
    at: float


class MissingLabs:
    """By job, from any thread, of which one at a time asks about a job."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def seconds(self, job_id: str, settled: int) -> float:
        """For how long nothing more of the job was settled than `settled` submissions, as far as was seen here."""
        now = time.monotonic()
        seen = self._seen.get(job_id)
        if seen is None or seen.settled != settled:
            seen = self._seen[job_id] = _Seen(settled, now)
        return now - seen.at

    def only(self, jobs: Set[str]) -> None:
        """Forgets all but these jobs: the others are over, or somebody stopped them. Resumed they have their time."""
        for job_id in self._seen.keys() - jobs:
            self.forget(job_id)

    def forget(self, job_id: str) -> None:
        """The job is over, or somebody may get on with it soon."""
        self._seen.pop(job_id, None)
