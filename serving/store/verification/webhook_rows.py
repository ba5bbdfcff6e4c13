"""Compares webhooks with the newest entry that the audit log has about each of them."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, select

from serving.store.platforms.webhook_tables import endpoints
from serving.store.verification.changed_rows import AuditFault, compare_rows, newest_entries, row_hash


def endpoint_version(row: Row[Any]) -> str:
    """The hash of a webhook's state, without the position in the log, which moves with every event."""
    return row_hash({name: value for name, value in row._mapping.items() if name != "cursor"})


def webhook_faults(connection: Connection) -> Iterator[AuditFault]:
    """Skips webhooks without a key's tag: they are from an earlier version, and nothing is sent until they are
    rotated."""
    rows = connection.execute(select(endpoints).where(endpoints.c.key_tag != "")).all()
    expected = newest_entries(connection, "webhook", lambda detail, _: (detail["id"], detail["version"]))
    yield from compare_rows("webhook", expected, {str(row.id): endpoint_version(row) for row in rows})
