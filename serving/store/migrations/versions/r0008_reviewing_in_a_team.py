"""Assignments of submissions to TAs, second markings, comment snippets and clarifications of rubrics."""

import sqlalchemy as sa
from alembic import op

from serving.store.migrations.building import append_only, audited, required

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "assignments",
        *audited("request"),
        sa.Column("grade", sa.String, sa.ForeignKey("grades.id"), nullable=False),
        *required("marking"),
        sa.Column("ta", sa.String, sa.ForeignKey("keys.id")),
        sa.UniqueConstraint("request", "grade", "marking", name="assignments_once"),
    )
    op.create_table(
        "second_ratings",
        *audited("request"),
        sa.Column("grade", sa.String, sa.ForeignKey("grades.id"), nullable=False),
        *required("content"),
        sa.UniqueConstraint("grade", "actor", name="second_ratings_once"),
    )
    op.create_table(
        "snippets",
        *audited(),
        sa.Column("request", sa.String, nullable=False, unique=True),
        sa.Column("course", sa.String, nullable=False, index=True),
        sa.Column("owner", sa.String),
        *required("text_hash"),
        sa.Column("text", sa.Text),
        sa.Column("removed_at", sa.String),
    )
    op.create_table(
        "clarifications",
        *audited(),
        sa.Column("request", sa.String, nullable=False, unique=True),
        *required("course", "lab", "job", "version"),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "clarification_events",
        *audited(),
        sa.Column("clarification", sa.String, sa.ForeignKey("clarifications.id"), nullable=False),
        *required("event"),
        sa.UniqueConstraint("clarification", "event", name="clarification_events_once"),
    )
    append_only("assignments", "second_ratings", "clarifications", "clarification_events")
