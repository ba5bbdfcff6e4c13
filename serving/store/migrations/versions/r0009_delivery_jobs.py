"""Jobs that send grades to course platforms."""

import sqlalchemy as sa
from alembic import op

from serving.store.migrations.building import keys, optional, required

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "delivery_jobs",
        *keys("id"),
        *required("at", "actor", "course", "lab", "platform", "address"),
        *required("options", "confirmed", kind=sa.JSON),
        *required("total", "done", kind=sa.Integer),
        *optional("finished_at", "failure"),
        sa.Column("outcomes", sa.JSON, nullable=False),
    )
