"""Webhook endpoints and their messages."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("at", "actor", "url", "events", "secret")),
        *(sa.Column(name, sa.String) for name in ("course", "old_secret", "old_until")),
        *(sa.Column(name, sa.String) for name in ("disabled_at", "disabled_reason")),
        sa.Column("cursor", sa.Integer, nullable=False),
    )
    op.create_table(
        "webhook_messages",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("endpoint", sa.String, sa.ForeignKey("webhook_endpoints.id"), nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("at", "event", "subject")),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        *(sa.Column(name, sa.String) for name in ("due_at", "delivered_at", "dead_at", "result")),
        sa.UniqueConstraint("endpoint", "subject", name="webhook_messages_once"),
    )
    op.create_index("ix_webhook_messages_due_at", "webhook_messages", ["due_at"])
