"""Compares rows that can change with their newest entries in the audit log."""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_hash
from serving.store.tables import audit

Versions = dict[str, str]
"""The identity of a row -> the hash of its state."""


class AuditFault(Frozen):
    """`entry` is the number of the audit entry, None if the fault belongs to no entry. `code` is stable."""

    code: str
    entry: int | None
    message: str


def fault(code: str, entry: int | None, message: str) -> AuditFault:
    return AuditFault(code=code, entry=entry, message=message)


class ExpectedRow(NamedTuple):
    """`version` None: there is no row."""

    entry: int
    version: str | None


def newest_entries(
    connection: Connection, event: str, read: Callable[[dict[str, Any], Row[Any]], tuple[str, str | None]]
) -> dict[str, ExpectedRow]:
    """The newest entry of `event` about each row. A changed entry is reported by the hash chain."""
    newest: dict[str, ExpectedRow] = {}
    for row in connection.execute(select(audit).where(audit.c.event == event).order_by(audit.c.seq)):
        try:
            subject, version = read(json.loads(row.detail), row)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        newest[subject] = ExpectedRow(row.seq, version)
    return newest


def compare_rows(what: str, expected: dict[str, ExpectedRow], found: Versions) -> Iterator[AuditFault]:
    for subject, (entry, version) in expected.items():
        if version is not None and subject not in found:
            yield fault("row-deleted", entry, f"its {what} was deleted")
        elif found.get(subject) != version:
            yield fault("row-changed", entry, f"its {what} was changed")
    if alone := sum(each not in expected for each in found):
        yield fault("row-without-entry", None, f"{alone} x {what} without an entry")


def row_hash(value: object) -> str:
    """Empty for bytes, which SQLite accepts in any column."""
    try:
        return canonical_hash(value)
    except TypeError:
        return ""
