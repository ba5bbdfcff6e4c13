"""Connections to the database."""

from collections.abc import Callable

import pytest

from serving.store.database import open_database


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
