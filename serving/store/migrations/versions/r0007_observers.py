"""Observers, and the submissions that wait for the outcomes of their lab's checks."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "observers",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("seen_at", sa.String, nullable=False),
        sa.Column("courses", sa.JSON),
    )
    op.create_table(
        "observation_requests",
        sa.Column("request", sa.String, primary_key=True),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym"), primary_key=True, index=True),
        sa.Column("at", sa.String, nullable=False, index=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("course", "lab", "checks")),
        sa.Column("files", sa.Text, nullable=False),
        sa.Column("worker", sa.String, sa.ForeignKey("observers.name", ondelete="SET NULL"), index=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("result", sa.Text),
        sa.Column("failure", sa.String),
    )
