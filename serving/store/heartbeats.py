"""Heartbeats: which processes of a kind are alive, and the courses that they serve."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from serving.store.database import Database
from serving.store.ledger import timestamp


class Heartbeats:
    """The rows of one kind of process in `table`: name, last heartbeat, courses (NULL: all of them). Thread-safe."""

    def __init__(self, database: Database, table: Table) -> None:
        self._database, self._table = database, table

    def beat(self, name: str, dead_seconds: float, courses: Collection[str] | None = None) -> None:
        """Records that `name` is alive and serves `courses` (None: all of them).

        Deletes the processes without a heartbeat for `dead_seconds`, and with them what refers to them.
        """
        table = self._table
        with self._database.writing() as connection:
            now = database_clock(connection)
            seen = {"seen_at": timestamp(now), "courses": None if courses is None else sorted(courses)}
            if not connection.execute(update(table).where(table.c.name == name).values(seen)).rowcount:
                connection.execute(insert(table).values(name=name, **seen))
            dead = table.c.seen_at < timestamp(now - timedelta(seconds=dead_seconds))
            connection.execute(delete(table).where(dead))

    def leave(self, name: str, *, prefix: bool = False) -> None:
        """Deletes the process `name`, or every one whose name starts so."""
        column = self._table.c.name
        mine = column.startswith(name, autoescape=True) if prefix else column == name
        with self._database.writing() as connection:
            connection.execute(delete(self._table).where(mine))

    def serves(self, connection: Connection, course: str, dead_seconds: float) -> bool:
        """Whether a process that serves `course` sent a heartbeat within `dead_seconds`."""
        since = timestamp(database_clock(connection) - timedelta(seconds=dead_seconds))
        alive = connection.execute(select(self._table.c.courses).where(self._table.c.seen_at >= since)).scalars()
        return any(courses is None or course in courses for courses in alive)


def database_clock(connection: Connection) -> datetime:
    """The database's clock: the machines of several processes may disagree. SQLite has one machine."""
    if connection.dialect.name == "postgresql":
        now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return now
    return datetime.now(UTC)
