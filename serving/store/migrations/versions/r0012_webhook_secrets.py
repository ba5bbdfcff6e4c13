"""Secrets of webhooks are derived from the installation's key: those in the store are removed.

An endpoint from before has no key's tag, so that its messages wait until its secret is rotated.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("UPDATE webhook_endpoints SET old_until = NULL")
    op.drop_column("webhook_endpoints", "secret")
    op.drop_column("webhook_endpoints", "old_secret")
    op.add_column("webhook_endpoints", sa.Column("secret_number", sa.Integer, nullable=False, server_default="0"))
    op.add_column("webhook_endpoints", sa.Column("key_tag", sa.String, nullable=False, server_default=""))
