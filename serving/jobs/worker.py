"""A process that works on jobs: it takes what waits, says that it lives, and takes over from workers that died."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, select, update

from serving.jobs import workflows
from serving.jobs.chunk import Desk
from serving.jobs.job import Job
from serving.jobs.tables import workers
from serving.store.database import Database
from serving.store.errors import StoreError
from serving.store.ledger import stamp

BEAT_SECONDS, DEAD_SECONDS = 5.0, 30.0


class Worker:
    """Works from `start` to `stop`. `name` is its own among all workers of the store, and stays when it is started
    again, so that it goes on with what it was doing."""

    def __init__(
        self,
        desk: Desk,
        store_url: str,
        name: str = "worker",
        *,
        dead_seconds: float = DEAD_SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.desk, self.name = desk, name
        self._url, self._now, self._dead = store_url, now, timedelta(seconds=dead_seconds)
        self._beat_seconds = min(BEAT_SECONDS, dead_seconds / 3)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._live, name="worker", daemon=True)

    def start(self) -> None:
        workflows.launch(self.desk, self._url, self.name)
        self._round()
        self._thread.start()

    def begin(self, job: Job) -> None:
        """Lets a job, or the next round of one, be worked on, here or by another worker."""
        workflows.start(job)

    def stop(self) -> None:
        """Leaves what it is doing to whoever comes next."""
        self._stopping.set()
        self._thread.join()
        workflows.stop()

    def _live(self) -> None:
        while not self._stopping.wait(self._beat_seconds):
            self._round()

    def _round(self) -> None:
        """A store that is away for a while is no reason to die: the next round tries again."""
        try:
            dead = beat(self.desk.store.database, self.name, self._now(), self._dead)
            if dead:
                workflows.take_over(dead)
            for job in self.desk.book.unfinished():
                workflows.start(job)
        except StoreError:
            return


def beat(database: Database, name: str, now: datetime, dead: timedelta) -> list[str]:
    """Notes that `name` lives, and returns the workers that have said nothing for `dead`, for this one to take over."""
    with database.writing() as connection:
        mine = update(workers).where(workers.c.name == name).values(seen_at=stamp(now))
        if not connection.execute(mine).rowcount:
            connection.execute(insert(workers).values(name=name, seen_at=stamp(now)))
        silent = workers.c.seen_at < stamp(now - dead)
        gone = list(connection.execute(select(workers.c.name).where(silent)).scalars())
        connection.execute(delete(workers).where(silent))
    return gone
