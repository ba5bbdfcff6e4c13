"""Jobs, their members and attempts, the workers and the chunks they are grading."""

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
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("requested", sa.String, nullable=False),
        sa.Column("failure", sa.String),
        sa.Column("finished_at", sa.String),
        sa.Column("cli", sa.Boolean, nullable=False),
        sa.Column("fingerprint", sa.String),
    )
    op.create_index("ix_jobs_at", "jobs", ["at"])
    op.create_table(
        "job_members",
        sa.Column("job", sa.String, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym"), nullable=False),
    )
    op.create_table(
        "job_attempts",
        sa.Column("job", sa.String, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym"), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("crashes", sa.Integer, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("parked_at", sa.String),
    )
    op.create_table(
        "job_workers",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("seen_at", sa.String, nullable=False),
        sa.Column("courses", sa.JSON(none_as_null=True)),
    )
    op.create_table(
        "job_leases",
        sa.Column("job", sa.String, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("chunk", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("worker", sa.String, sa.ForeignKey("job_workers.name", ondelete="CASCADE"), nullable=False),
    )
    op.create_index("ix_job_leases_worker", "job_leases", ["worker"])
