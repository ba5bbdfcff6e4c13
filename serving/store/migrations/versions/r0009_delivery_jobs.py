"""Jobs that send grades to course platforms."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "delivery_jobs",
        sa.Column("id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("at", "actor", "course", "lab")),
        *(sa.Column(name, sa.String, nullable=False) for name in ("platform", "address")),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("options", "confirmed")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("total", "done")),
        *(sa.Column(name, sa.String) for name in ("finished_at", "failure")),
        sa.Column("outcomes", sa.JSON, nullable=False),
    )
