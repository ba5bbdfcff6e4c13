"""A process that works on jobs: it takes what waits, says that it lives, and takes over from workers that died."""

import logging
import secrets
import threading
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from serving.jobs import worker_state, workflows
from serving.jobs.chunk import GradingBackend
from serving.jobs.job import Job
from serving.jobs.tables import workers
from serving.store.database import Database
from serving.store.ledger import timestamp

BEAT_SECONDS, DEAD_SECONDS = 5.0, 30.0
STUCK = "the queue has nothing more of this round, though it was not finished; resume the job"
log = logging.getLogger("grader.jobs")


class Worker:
    """Works from `start` to `stop`; one a process.

    `name` is its own among all workers of the store, and stays when it is started again: what its forerunner was doing
    is taken over at once, what others were doing once they said nothing for `dead_seconds`. Two that bear one name by
    mistake both work; the start of the second has the first one's chunk done twice, of which the first grade counts.
    `courses` says which ones `desk` grades now; the jobs of others wait for their own workers. Without, all.
    """

    def __init__(
        self,
        desk: GradingBackend,
        store_url: str,
        name: str = "worker",
        *,
        courses: Callable[[], Collection[str]] | None = None,
        dead_seconds: float = DEAD_SECONDS,
    ) -> None:
        self.desk, self.name = desk, name
        self._courses = courses
        self._process = f"{name}~{secrets.token_hex(4)}"
        self._url, self._dead = store_url, timedelta(seconds=dead_seconds)
        self._beat_seconds = min(BEAT_SECONDS, dead_seconds / 3)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._live, name="worker", daemon=True)

    def start(self) -> None:
        """Raises what the database raises, RuntimeError where this process is a worker already."""
        database = self.desk.store.database
        with database.writing() as connection:
            forerunner = workers.c.name.startswith(f"{self.name}~", autoescape=True)
            connection.execute(delete(workers).where(forerunner))
        self._beat()  # before it takes work, lest that be taken over as a dead one's
        worker_state.launch(self.desk, self._url, self._process)
        self._round()
        self._thread.start()

    def begin(self, job: Job) -> None:
        """Lets a job, or the next round of one, be worked on, here or by another worker; not one of a terminal, and
        one of another course only by its own workers."""
        if not job.at_terminal and job.course in self._mine():
            workflows.start(job)

    def stop(self) -> None:
        """Leaves what it is doing to whoever comes next."""
        self._stopping.set()
        self._thread.join()
        worker_state.stop()

    def _live(self) -> None:
        while not self._stopping.wait(self._beat_seconds):
            self._round()

    def _round(self) -> None:
        """A store that is away for a while, or anything else, is no reason to die: the next round tries again."""
        try:
            workflows.take_over(self._process, self._beat())
            mine = self._mine()
            jobs = [job for job in self.desk.book.unfinished() if job.course in mine]
            worker_state.going_on({job.id for job in jobs})
            for job in jobs:
                self._go_on(job)
            ever = {course for course in self.desk.book.courses() if course in mine}
            workflows.listen({job.course for job in jobs}, ever)
        except Exception as error:
            log.error("a worker could not look after its jobs: %s", type(error).__name__)

    def _beat(self) -> set[str]:
        return beat(self.desk.store.database, self._process, self._dead, self._courses() if self._courses else None)

    def _mine(self) -> Collection[str]:
        return self._courses() if self._courses else self.desk.book.courses()

    def _go_on(self, job: Job) -> None:
        ended = workflows.start(job)
        if ended == workflows.DOWN:
            self.desk.book.begin_again(job)
        elif ended:
            self.desk.book.finish(job, STUCK)


def beat(database: Database, name: str, dead: timedelta, courses: Collection[str] | None = None) -> set[str]:
    """Notes that `name` lives and does the jobs of `courses`, None for any; all that live. Who has said nothing for
    `dead` is struck off, by the store's clock."""
    with database.writing() as connection:
        now = _clock(connection)
        said = {"seen_at": timestamp(now), "courses": None if courses is None else sorted(courses)}
        if not connection.execute(update(workers).where(workers.c.name == name).values(said)).rowcount:
            connection.execute(insert(workers).values(name=name, **said))
        connection.execute(delete(workers).where(workers.c.seen_at < timestamp(now - dead)))
        return set(connection.execute(select(workers.c.name)).scalars())


def _clock(connection: Connection) -> datetime:
    """One clock for all workers: the machines of a cluster need not agree, and SQLite has one machine."""
    if connection.dialect.name == "postgresql":
        now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return now
    return datetime.now(UTC)
