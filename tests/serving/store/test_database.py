"""Connections to the database."""

from collections.abc import Callable

import pytest

from serving.store.database import insert_new, open_database
from serving.store.store import Store
from serving.store.tables import idempotency


def test_connection_in_use_is_closed_when_it_is_returned(
    new_url: Callable[[], str],
) -> None:
    database = open_database(new_url())
    with database.reading() as connection:
        raw = connection.connection.dbapi_connection
        database.close()
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    assert raw is not None
    with pytest.raises(Exception, match="closed"):
        raw.execute("SELECT 1")


def test_only_new_rows_are_inserted_and_counted(store: Store) -> None:
    """On PostgreSQL too, whose driver does not count them: claims, leases and messages depend on the number."""
    others = dict.fromkeys(("body_hash", "request", "holder", "created_at", "claimed_at"), "")

    def insert(*names: str) -> int:
        with store.database.writing() as connection:
            return insert_new(connection, idempotency, [{"id": name, **others} for name in names])

    assert [insert("a"), insert("a"), insert("a", "b"), insert()] == [1, 0, 1, 0]
