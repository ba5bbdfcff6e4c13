"""Students' regrade requests, their answers, and the links by which students reach their feedback."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from serving.store.migrations.versions.r0001_initial import POSTGRESQL_TRIGGER, SQLITE_TRIGGER, TRUNCATE_TRIGGER

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "regrade_requests",
        *_audited(),
        sa.Column("grade", sa.String, sa.ForeignKey("grades.id"), nullable=False, index=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("content", sa.String, nullable=False),
        sa.UniqueConstraint("grade", "request", "position", name="regrade_requests_once"),
    )
    op.create_table(
        "regrade_answers",
        *_audited(),
        sa.Column("regrade", sa.String, sa.ForeignKey("regrade_requests.id"), nullable=False, unique=True),
        sa.Column("resolution", sa.String, nullable=False),
        sa.Column("override", sa.String, sa.ForeignKey("overrides.id")),
        sa.Column("content", sa.String, nullable=False),
    )
    op.create_table(
        "student_links",
        sa.Column("token_hash", sa.String, primary_key=True),
        sa.Column("grade", sa.String, sa.ForeignKey("grades.id"), nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("created_at", "expires_at")),
        sa.Column("include_review", sa.Boolean, nullable=False),
        sa.Column("probabilities", sa.Boolean, nullable=False),
    )
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in ("regrade_requests", "regrade_answers"):
        for event in ("UPDATE", "DELETE"):
            op.execute((POSTGRESQL_TRIGGER if postgresql else SQLITE_TRIGGER).format(table=table, event=event))
        if postgresql:
            op.execute(TRUNCATE_TRIGGER.format(table=table))


def _audited() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False, unique=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("at", "actor", "request")),
    ]
