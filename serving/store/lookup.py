"""Rows by many values of one column, however many there are. Knows no table."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Connection, Row, Select

AT_ONCE = 500
"""Values in a statement; databases take some ten thousand at most."""


def rows_of(connection: Connection, found: Select[Any], column: Column[str], values: Sequence[str]) -> list[Row[Any]]:
    """Those rows of `found` whose `column` is one of `values`."""
    parts = [values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE)]
    return [row for part in parts for row in connection.execute(found.where(column.in_(part)))]
