"""Folders into which results were written."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "exports",
        sa.Column("host", sa.String, primary_key=True),
        sa.Column("path", sa.String, primary_key=True),
        sa.Column("at", sa.String, nullable=False),
    )
