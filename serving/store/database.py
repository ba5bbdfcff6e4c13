"""Transactions over SQLite or PostgreSQL: a commit that returned is on the disk.

SQLite runs in WAL mode with `synchronous=FULL`; with `NORMAL` a commit returns before it is synced.
"""

import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import URL, Column, Connection, Engine, Row, Select, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from serving.store.circuit_breaker import LIMITS, TimeoutConnection, install_circuit_breaker
from serving.store.errors import OutcomeUnknownError, StoreError, StoreLocationError

VERSION_TABLE = "grader_version"
MIGRATION_LOCK = 7_306_085  # arbitrary; serialises processes that migrate at the same time
PRAGMAS = {
    "busy_timeout": LIMITS.busy_seconds * 1000,
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "secure_delete": "ON",  # overwrites deleted rows with zeros
    "recursive_triggers": "ON",  # otherwise INSERT OR REPLACE deletes rows without firing delete triggers
}
# Durable whatever the server's default. The lock timeout is below `unresponsive_seconds`, so that a writer that waits
# for a lock gets the server's error instead of closing its connection.
WRITER_SETTINGS = f"SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = '{LIMITS.write_lock_seconds:g}s'"
# Releases the locks of a client whose machine disappeared.
SESSION_SETTINGS = f"SET idle_in_transaction_session_timeout = '{LIMITS.idle_transaction_seconds}s'"
# libpq parameters: without them the kernel waits about 15 minutes for a machine that is switched off.
CONNECTION_PARAMETERS = {
    "connect_timeout": str(LIMITS.connect_seconds),
    "keepalives_idle": str(LIMITS.keepalive_idle_seconds),
    "keepalives_interval": str(LIMITS.keepalive_interval_seconds),
    "tcp_user_timeout": str(1000 * LIMITS.unacknowledged_seconds),
}


class Database:
    """Transactions over one URL, and the clock of what they record. Thread-safe."""

    def __init__(self, engine: Engine, now: Callable[[], datetime]) -> None:
        self.dialect, self.now = engine.dialect.name, now
        self._engine = engine
        # Readers see one snapshot. A SQLite writer takes the write lock when it starts: upgrading a read lock later
        # fails with SQLITE_BUSY at once, whatever the busy timeout.
        server = self.dialect == "postgresql"
        self._reader = engine.execution_options(**({"isolation_level": "REPEATABLE READ"} if server else {}))
        writer = {"isolation_level": "READ COMMITTED"} if server else {"begin": "BEGIN IMMEDIATE"}
        self._writer = engine.execution_options(**writer)

    @property
    def folder(self) -> Path | None:
        """The folder of a SQLite file; None for a server."""
        return Path(str(self._engine.url.database)).parent if self.dialect == "sqlite" else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read-only transaction on one snapshot."""
        with as_store_errors(self._engine.url), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is durable when the block exits, and rolled back if the block raises.

        Raises OutcomeUnknownError if the connection is lost during the commit: it may have succeeded.
        """
        url = self._engine.url
        with as_store_errors(url), self._writer.connect() as connection, connection.begin() as transaction:
            if self.dialect == "postgresql":
                connection.exec_driver_sql(WRITER_SETTINGS)
            yield connection
            try:
                transaction.commit()
            except DBAPIError as error:
                if connection.invalidated:
                    shown = without_password(url)
                    raise OutcomeUnknownError(f"The store {shown} did not confirm a commit.") from error
                raise

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """A connection without a transaction and without a timeout, for statements such as VACUUM."""
        with as_store_errors(self._engine.url), self._engine.connect() as connection, without_timeout(connection):
            yield connection.execution_options(isolation_level="AUTOCOMMIT", begin="")

    def close(self) -> None:
        close_engine(self._engine)


def select_in_batches(
    connection: Connection, query: Select[Any], column: Column[str], values: Sequence[str]
) -> list[Row[Any]]:
    """The rows of `query` whose `column` is one of `values`: databases limit the parameters of one query."""
    size = LIMITS.values_per_query
    batches = [values[start : start + size] for start in range(0, len(values), size)]
    return [row for batch in batches for row in connection.execute(query.where(column.in_(batch)))]


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Inserts the rows whose keys the table does not have; returns their number.

    The keys decide between concurrent transactions: on a conflict PostgreSQL waits for the other's commit.
    """
    if not rows:
        return 0
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(table).on_conflict_do_nothing().returning(*table.primary_key)
    return len(connection.execute(insert, list(rows)).all())  # psycopg gives no row count for such an insert


def close_engine(engine: Engine) -> None:
    """Closes a connection that another thread still uses when it is returned, not at some later garbage collection."""
    event.listen(engine.pool, "checkin", lambda _, entry: entry.close())  # codespell:ignore
    engine.dispose()


def open_database(location: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Database:
    """Opens the database at `location` (see `parse_location`) and creates or upgrades its tables.

    Raises StoreError if it cannot be used.
    """
    url = parse_location(location)
    with as_store_errors(url):
        engine = _sqlite_engine(url) if url.get_backend_name() == "sqlite" else postgresql_engine(url)
        try:
            _upgrade(database := Database(engine, now))
        except CommandError as error:
            engine.dispose()
            shown = without_password(url)
            raise StoreError(f"{shown} was created by a newer grader ({error}). Install that version.") from error
        except BaseException:
            engine.dispose()
            raise
    return database


def parse_location(location: str) -> URL:
    """A URL (`sqlite:////absolute/path.db`, `postgresql://user:password@host/name`) or the path of a SQLite file.

    Paths may be relative or start with `~`. Raises StoreLocationError for anything else.
    """
    if "://" not in location:
        return _file_url(location)
    try:
        url = make_url(location)
    except ArgumentError:
        raise StoreLocationError("The store's URL cannot be parsed.") from None
    backend = url.drivername.split("+")[0]
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite" or url.database in (None, "", ":memory:") or url.query:
        raise StoreLocationError(f"{without_password(url)} is not the URL of a store.")
    return URL.create("sqlite", database=str(Path(str(url.database)).expanduser().absolute()))


def _file_url(location: str) -> URL:
    try:
        path = Path(location).expanduser()
    except RuntimeError as error:  # `~name` of no user
        raise StoreLocationError(f"{location!r}: {error}") from None
    # A bare word is more likely a mistyped URL than a file in the current folder.
    if re.match(r"\w*:", location) or not ("/" in location or path.suffix):
        raise StoreLocationError(f"{location!r} is neither a database URL nor the path of a file.")
    if path.is_dir():
        raise StoreLocationError(f"{location!r} is a folder.")
    return URL.create("sqlite", database=str(path.absolute()))


def create_file(path: Path) -> None:
    """An empty file that only its owner reads: it will hold students' work. SQLite gives the WAL the same mode."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _sqlite_engine(url: URL) -> Engine:
    path = Path(str(url.database))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        create_file(path)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": LIMITS.busy_seconds})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver starts its own transactions too late
        for name, value in PRAGMAS.items():
            # The busy timeout does not cover two processes that switch a new file to WAL at the same time.
            locked = retry_if_exception_type(sqlite3.OperationalError)
            wait = wait_random_exponential(multiplier=0.01, max=0.5)
            retry = Retrying(retry=locked, stop=stop_after_delay(LIMITS.busy_seconds), wait=wait, reraise=True)
            retry(lambda pragma: connection.execute(pragma).fetchall(), f"PRAGMA {name}={value}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if statement := connection.get_execution_options().get("begin", "BEGIN"):
            connection.exec_driver_sql(statement)

    return engine


def postgresql_engine(url: URL, **pool: int) -> Engine:
    """An engine whose connections detect an unreachable server. `pool`: SQLAlchemy's pool options."""
    complete = url.set(query={**CONNECTION_PARAMETERS, **url.query})
    engine = create_engine(complete, hide_parameters=True, pool_pre_ping=True, **pool)
    install_circuit_breaker(engine)

    @event.listens_for(engine, "connect")
    def prepare(connection: TimeoutConnection, _: object) -> None:
        connection.execute(SESSION_SETTINGS)
        connection.commit()

    return engine


@contextmanager
def without_timeout(connection: Connection) -> Iterator[None]:
    """Disables the timeout for statements that may take long, such as a migration."""
    raw = connection.connection.driver_connection
    if not isinstance(raw, TimeoutConnection):
        yield
        return
    raw.timeout_seconds = None
    try:
        yield
    finally:
        del raw.timeout_seconds  # back to the class's default


def migrations() -> Config:
    """Alembic's configuration: where the migrations are."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def _upgrade(database: Database) -> None:
    config = migrations()
    with database.writing() as connection, without_timeout(connection):
        if database.dialect == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LIMITS.busy_seconds}s'")
            connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        config.attributes.update(connection=connection, table=VERSION_TABLE)
        command.upgrade(config, "head")


@contextmanager
def as_store_errors(url: URL) -> Iterator[None]:
    """Turns database errors into StoreErrors that name the database but hold no statement, parameter or password."""
    try:
        yield
    except DBAPIError as error:
        reason = str(error.orig).splitlines()[0] if str(error.orig) else type(error.orig).__name__
        raise StoreError(f"The store {without_password(url)} cannot be used: {reason}") from error
    except PoolTimeoutError as error:
        raise StoreError(f"The store {without_password(url)} is too busy: no free connection.") from error


def without_password(url: URL) -> str:
    return url.set(query={}).render_as_string(hide_password=True)
