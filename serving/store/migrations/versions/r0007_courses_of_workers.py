"""Whose jobs a worker takes."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("job_workers", sa.Column("courses", sa.JSON(none_as_null=True)))
