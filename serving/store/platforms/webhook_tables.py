"""Webhook tables, in the store's database. Messages name grades and jobs by id, and no student."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from serving.store.tables import metadata, optional, required

# `events`: names separated by spaces. `course` is null for all courses. `cursor`: the last audit entry that was read.
# `since`: jobs that finished before are not events. `secret_number` is that of the secret, derived from the key with
# `key_tag`; the secret of the number before signs too until `old_until`.
endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", String, primary_key=True),
    *required("at", "actor", "url", "events", "key_tag"),
    *optional("course", "since", "old_until", "disabled_at", "disabled_reason"),
    *required("secret_number", "cursor", kind=Integer),
)

# `subject` is what the message is about: an endpoint gets one message for each. `due_at` is null once it was delivered,
# or was given up (`dead_at`).
messages = Table(
    "webhook_messages",
    metadata,
    Column("id", String, primary_key=True),
    Column("endpoint", String, ForeignKey("webhook_endpoints.id"), nullable=False),
    *required("at", "event", "subject"),
    Column("body", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    *optional("due_at", "delivered_at", "dead_at", "result"),
    UniqueConstraint("endpoint", "subject", name="webhook_messages_once"),
    Index("ix_webhook_messages_due_at", "due_at"),
)
