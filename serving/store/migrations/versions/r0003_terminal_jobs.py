"""Jobs that are worked on at a terminal, and what the grades of a job have in common."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("at_terminal", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("jobs", sa.Column("origin", sa.String))
