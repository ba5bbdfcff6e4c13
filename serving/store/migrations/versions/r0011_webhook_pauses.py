"""The time from which a webhook gets events of jobs: a pause moves it."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("webhook_endpoints", sa.Column("since", sa.String))
    op.execute("UPDATE webhook_endpoints SET since = at")
