"""SQLite or PostgreSQL behind one URL, brought up to the last migration, with commits that are on the disk.

Knows no table. SQLite works in WAL mode with `synchronous=FULL`, for `NORMAL` answers before the disk has the commit.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from serving.store.circuit_breaker import SILENT_SECONDS, TimeoutConnection, bound
from serving.store.errors import OutcomeUnknownError, StoreError

EXAMPLES = "sqlite:////absolute/path.db or postgresql://user:password@host/name"
BUSY_SECONDS = 30
VERSION_TABLE = "grader_version"
MIGRATION_LOCK = 7_306_085  # any number; two processes that start at once take it in turn
PRAGMAS = {
    "busy_timeout": BUSY_SECONDS * 1000,
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "secure_delete": "ON",  # what is deleted is overwritten with zeros
    "recursive_triggers": "ON",  # INSERT OR REPLACE asks the triggers too
}

# Durable whatever the server's default; a writer is told that it waited too long for its turn before it takes that for
# the server's silence.
WRITER = f"SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = '{SILENT_SECONDS - 2:g}s'"
GIVE_WAY = f"SET idle_in_transaction_session_timeout = '{2 * BUSY_SECONDS}s'"  # whose machine is gone
# libpq's own words: a machine that is off answers nothing, and the kernel alone would wait for it a quarter of an hour.
PATIENCE = {"connect_timeout": "10", "keepalives_idle": "10", "keepalives_interval": "5", "tcp_user_timeout": "30000"}


class Database:
    """Transactions over one URL, from any thread."""

    def __init__(self, engine: Engine) -> None:
        self.dialect = engine.dialect.name
        self._engine = engine
        # Readers see one moment; a SQLite writer takes the lock at its start, so that it never has to give up later.
        postgresql = self.dialect == "postgresql"
        self._reader = engine.execution_options(**({"isolation_level": "REPEATABLE READ"} if postgresql else {}))
        own = {"isolation_level": "READ COMMITTED"} if postgresql else {"begin": "BEGIN IMMEDIATE"}
        self._writer = engine.execution_options(**own)

    @property
    def folder(self) -> Path | None:
        """Where a SQLite file lies; None for a server elsewhere."""
        return Path(str(self._engine.url.database)).parent if self.dialect == "sqlite" else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment of the store and changes nothing."""
        with _told(self._engine.url), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is on the disk when the block is left, or undone where it raises, but for
        OutcomeUnknownError: the database was gone before it said whether it is."""
        with _told(self._engine.url), self._writer.connect() as connection, connection.begin() as transaction:
            if self.dialect == "postgresql":
                connection.exec_driver_sql(WRITER)
            yield connection
            try:
                transaction.commit()
            except DBAPIError as error:
                if connection.invalidated:
                    raise OutcomeUnknownError(
                        f"The store {_shown(self._engine.url)} did not say whether it kept this."
                    ) from error
                raise

    @contextmanager
    def bare(self) -> Iterator[Connection]:
        """Without a transaction, for what cannot be in one, such as VACUUM, and may take its time."""
        with _told(self._engine.url), self._engine.connect() as connection, patient(connection):
            yield connection.execution_options(isolation_level="AUTOCOMMIT", begin="")

    def close(self) -> None:
        close(self._engine)


def close(engine: Engine) -> None:
    """A connection that a thread still uses is closed when it comes back, not whenever it is collected."""
    event.listen(engine.pool, "checkin", lambda _, entry: entry.close())
    engine.dispose()


def open_database(url: str) -> Database:
    """`url`: `sqlite:////absolute/path.db` or `postgresql://user:password@host/name`. Makes and upgrades the tables.

    Raises StoreError where it cannot be used.
    """
    parsed = _parsed(url)
    with _told(parsed):
        engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else postgresql(parsed)
        try:
            _upgrade(database := Database(engine))
        except CommandError as error:
            engine.dispose()
            raise StoreError(f"{_shown(parsed)} was made by a newer grader ({error}). Install that version.") from error
        except BaseException:
            engine.dispose()
            raise
    return database


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError(f"The store's URL cannot be read. Give {EXAMPLES}.") from None
    backend = parsed.drivername.split("+")[0]
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite" or parsed.database in (None, "", ":memory:") or parsed.query:
        raise StoreError(f"{_shown(parsed)} is no store. Give {EXAMPLES}.")
    return parsed


def _sqlite(url: URL) -> Engine:
    path = Path(str(url.database))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # students' work; the WAL takes over the mode
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver's own transactions start too late
        for name, value in PRAGMAS.items():
            # Two who turn a new file to WAL at once do not wait for each other, whatever the time-out.
            locked = retry_if_exception_type(sqlite3.OperationalError)
            wait = wait_random_exponential(multiplier=0.01, max=0.5)
            again = Retrying(retry=locked, stop=stop_after_delay(BUSY_SECONDS), wait=wait, reraise=True)
            again(lambda pragma: connection.execute(pragma).fetchall(), f"PRAGMA {name}={value}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if statement := connection.get_execution_options().get("begin", "BEGIN"):
            connection.exec_driver_sql(statement)

    return engine


def postgresql(url: URL, **pool: int) -> Engine:
    """Connections that find out by themselves that the server is gone: refused at once, silent after a while. `pool`:
    SQLAlchemy's words for how many."""
    given = url.set(query={**PATIENCE, **url.query})
    engine = create_engine(given, hide_parameters=True, pool_pre_ping=True, **pool)
    bound(engine)

    @event.listens_for(engine, "connect")
    def prepare(connection: TimeoutConnection, _: object) -> None:
        connection.execute(GIVE_WAY)
        connection.commit()

    return engine


@contextmanager
def patient(connection: Connection) -> Iterator[None]:
    """What takes its time may do so in silence."""
    raw = connection.connection.driver_connection
    if not isinstance(raw, TimeoutConnection):
        yield
        return
    raw.patience = None
    try:
        yield
    finally:
        del raw.patience


def _upgrade(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with database.writing() as connection, patient(connection):
        if database.dialect == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
            connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        config.attributes.update(connection=connection, table=VERSION_TABLE)
        command.upgrade(config, "head")


@contextmanager
def _told(url: URL) -> Iterator[None]:
    """What the database refuses as an error with its place and without anybody's text in it."""
    try:
        yield
    except DBAPIError as error:
        reason = str(error.orig).splitlines()[0] if str(error.orig) else type(error.orig).__name__
        raise StoreError(f"The store {_shown(url)} cannot be used: {reason}") from error
    except NoConnectionError as error:
        raise StoreError(f"The store {_shown(url)} is too busy: no connection to it came free.") from error


def _shown(url: URL) -> str:
    return url.set(query={}).render_as_string(hide_password=True)
