"""Which model each course uses: a row a decision, never changed."""

import sqlalchemy as sa
from alembic import op

from serving.store.migrations.versions.r0001_store import POSTGRESQL_TRIGGER, SQLITE_TRIGGER, TRUNCATE_TRIGGER

revision = "0004"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "courses",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("course", sa.String, nullable=False),
        sa.Column("model", sa.String),
        sa.Column("labs", sa.String),
        sa.Column("base_model", sa.String),
        sa.Column("licence", sa.String),
        sa.Column("model_hash", sa.String),
        sa.Column("tokenizer_hash", sa.String),
        sa.Column("prompt_hash", sa.String),
        sa.Column("calibration_hash", sa.String),
    )
    op.create_index("ix_courses_course", "courses", ["course"])
    postgresql = op.get_bind().dialect.name == "postgresql"
    for event in ("UPDATE", "DELETE"):
        op.execute((POSTGRESQL_TRIGGER if postgresql else SQLITE_TRIGGER).format(table="courses", event=event))
    if postgresql:
        op.execute(TRUNCATE_TRIGGER.format(table="courses"))
