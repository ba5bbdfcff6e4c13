"""Assignments of submissions to TAs, second markings, comment snippets and clarifications of rubrics."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from serving.store.migrations.versions.r0001_initial import POSTGRESQL_TRIGGER, SQLITE_TRIGGER, TRUNCATE_TRIGGER

revision = "0008"
down_revision = "0007"

APPEND_ONLY = ("assignments", "second_ratings", "clarifications", "clarification_events")


def upgrade() -> None:

    op.create_table(
        "assignments",
        *_audited("request"),
        sa.Column("grade", sa.String, sa.ForeignKey("grades.id"), nullable=False),
        *_required("marking"),
        sa.Column("ta", sa.String, sa.ForeignKey("keys.id")),
        sa.UniqueConstraint("request", "grade", "marking", name="assignments_once"),
    )
    op.create_table(
        "second_ratings",
        *_audited("request"),
        sa.Column("grade", sa.String, sa.ForeignKey("grades.id"), nullable=False),
        *_required("content"),
        sa.UniqueConstraint("grade", "actor", name="second_ratings_once"),
    )
    op.create_table(
        "snippets",
        *_audited(),
        sa.Column("request", sa.String, nullable=False, unique=True),
        sa.Column("course", sa.String, nullable=False, index=True),
        sa.Column("owner", sa.String),
        *_required("text_hash"),
        sa.Column("text", sa.Text),
        sa.Column("removed_at", sa.String),
    )
    op.create_table(
        "clarifications",
        *_audited(),
        sa.Column("request", sa.String, nullable=False, unique=True),
        *_required("course", "lab", "job", "version"),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "clarification_events",
        *_audited(),
        sa.Column("clarification", sa.String, sa.ForeignKey("clarifications.id"), nullable=False),
        *_required("event"),
        sa.UniqueConstraint("clarification", "event", name="clarification_events_once"),
    )
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in APPEND_ONLY:
        for event in ("UPDATE", "DELETE"):
            op.execute((POSTGRESQL_TRIGGER if postgresql else SQLITE_TRIGGER).format(table=table, event=event))
        if postgresql:
            op.execute(TRUNCATE_TRIGGER.format(table=table))


def _required(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String, nullable=False) for name in names]


def _audited(*more: str) -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False, unique=True),
        *_required("at", "actor", *more),
    ]
