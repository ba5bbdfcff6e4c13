"""Webhook endpoints and their messages."""

import sqlalchemy as sa
from alembic import op

from serving.store.migrations.building import keys, optional, required

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "webhook_endpoints",
        *keys("id"),
        *required("at", "actor", "url", "events", "secret"),
        *optional("course", "old_secret", "old_until", "disabled_at", "disabled_reason"),
        sa.Column("cursor", sa.Integer, nullable=False),
    )
    op.create_table(
        "webhook_messages",
        *keys("id"),
        sa.Column("endpoint", sa.String, sa.ForeignKey("webhook_endpoints.id"), nullable=False),
        *required("at", "event", "subject"),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        *optional("due_at", "delivered_at", "dead_at", "result"),
        sa.UniqueConstraint("endpoint", "subject", name="webhook_messages_once"),
    )
    op.create_index("ix_webhook_messages_due_at", "webhook_messages", ["due_at"])
