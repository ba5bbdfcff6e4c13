"""Columns and triggers of revisions. A revision must stay as it was: add functions here, but change none."""

from typing import Any

import sqlalchemy as sa
from alembic import op

POSTGRESQL_TRIGGER = """
CREATE TRIGGER {table}_no_{event} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION grader_refuse()
"""
TRUNCATE_TRIGGER = """
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION grader_refuse()
"""
SQLITE_TRIGGER = """
CREATE TRIGGER {table}_no_{event} BEFORE {event} ON {table}
BEGIN SELECT RAISE(ABORT, '{event} on {table} is refused: history is only ever appended to'); END
"""


def append_only(*tables: str, refused: tuple[str, ...] = ("UPDATE", "DELETE")) -> None:
    """Triggers that refuse statements on the rows of `tables`."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in tables:
        for event in refused:
            op.execute((POSTGRESQL_TRIGGER if postgresql else SQLITE_TRIGGER).format(table=table, event=event))
        if postgresql:
            op.execute(TRUNCATE_TRIGGER.format(table=table))


def required(*names: str, kind: Any = sa.String) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def optional(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String) for name in names]


def keys(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String, primary_key=True) for name in names]


def entry_number() -> sa.Column[int]:
    return sa.Column("seq", sa.Integer, nullable=False, unique=True)


def audited(*more: str) -> list[sa.Column[Any]]:
    """The columns of a record of the audit log, and `more` required ones."""
    return [*keys("id"), entry_number(), *required("at", "actor", *more)]
