"""Jobs, whose work is in them, the tries of what did not simply succeed, and their workers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("course", sa.String, nullable=False),
        sa.Column("lab", sa.String, nullable=False),
        sa.Column("work", sa.String, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("chunk", sa.Integer, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("wish", sa.String, nullable=False),
        sa.Column("failure", sa.String),
        sa.Column("finished_at", sa.String),
    )
    op.create_index("ix_jobs_at", "jobs", ["at"])
    op.create_table(
        "job_members",
        sa.Column("job", sa.String, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym"), nullable=False),
    )
    op.create_table(
        "job_tries",
        sa.Column("job", sa.String, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym"), primary_key=True),
        sa.Column("alone", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("parked_at", sa.String),
    )
    op.create_table(
        "job_workers",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("seen_at", sa.String, nullable=False),
    )
