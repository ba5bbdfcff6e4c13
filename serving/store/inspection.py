"""The state of a store, read without creating or upgrading it."""

from pathlib import Path
from urllib.parse import quote

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Engine, create_engine, func, select
from sqlalchemy.pool import NullPool

from labs_schema.frozen import Frozen
from serving.store.database import (
    VERSION_TABLE,
    as_store_errors,
    close_engine,
    migrations,
    parse_location,
    postgresql_engine,
    without_password,
)
from serving.store.tables import keys


class StoreState(Frozen):
    """`location` has no password. `revision`: of the tables, None if there are none yet; `newest`: of this program.

    `upgradable`: whether this program knows the revision. `active_keys`: API keys that are not revoked.
    """

    location: str
    revision: str | None
    newest: str
    upgradable: bool = True
    active_keys: int = 0


def inspect_store(location: str) -> StoreState:
    """Raises StoreError if the database cannot be reached or read."""
    url, script = parse_location(location), ScriptDirectory.from_config(migrations())
    state = StoreState(location=without_password(url), revision=None, newest=str(script.get_current_head()))
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        return state
    with as_store_errors(url):
        engine = _read_only(url)
        try:
            with engine.connect() as connection:
                context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
                if (revision := context.get_current_revision()) is None:
                    return state
                active = connection.execute(select(func.count()).where(keys.c.revoked_at.is_(None))).scalar_one()
        finally:
            close_engine(engine)
    known = {each.revision for each in script.walk_revisions()}
    return state.model_copy(update={"revision": revision, "upgradable": revision in known, "active_keys": active})


def _read_only(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return postgresql_engine(url)
    file = f"file:{quote(str(url.database))}?mode=ro&uri=true"
    return create_engine(f"sqlite:///{file}", poolclass=NullPool, hide_parameters=True)
