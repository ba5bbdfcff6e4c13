"""Students' regrade requests, their answers, and the links by which students reach their feedback."""

import sqlalchemy as sa
from alembic import op

from serving.store.migrations.building import append_only, audited, keys, required

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "regrade_requests",
        *audited("request"),
        sa.Column("grade", sa.String, sa.ForeignKey("grades.id"), nullable=False, index=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("content", sa.String, nullable=False),
        sa.UniqueConstraint("grade", "request", "position", name="regrade_requests_once"),
    )
    op.create_table(
        "regrade_answers",
        *audited("request"),
        sa.Column("regrade", sa.String, sa.ForeignKey("regrade_requests.id"), nullable=False, unique=True),
        sa.Column("resolution", sa.String, nullable=False),
        sa.Column("override", sa.String, sa.ForeignKey("overrides.id")),
        sa.Column("content", sa.String, nullable=False),
    )
    op.create_table(
        "student_links",
        *keys("token_hash"),
        sa.Column("grade", sa.String, sa.ForeignKey("grades.id"), nullable=False),
        *required("created_at", "expires_at"),
        sa.Column("include_review", sa.Boolean, nullable=False),
        sa.Column("probabilities", sa.Boolean, nullable=False),
    )
    append_only("regrade_requests", "regrade_answers")
