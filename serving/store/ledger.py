"""The audit log: a hash chain that every audited write transaction extends.

An entry's hash is SHA-256 over the canonical JSON of the entry and of the previous hash. `audit_head` names the last
entry, so that a truncated log is detected too. The owner of the database can forge a complete log; only a head that was
recorded elsewhere detects that (docs/guide/store.md).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_hash, canonical_json
from labs_schema.limits import DatabaseLimits
from serving.store.database import Database
from serving.store.errors import BadNameError, StoreError
from serving.store.tables import audit, audit_head

Detail = dict[str, str | int | None]
"""Pseudonyms, names of staff and hashes; never text that a student or a TA wrote."""
FIRST_HASH = "0" * 64
"""The hash before the first entry."""
NAME_CHARS = DatabaseLimits().name_chars


class Entry(Frozen):
    """A row of the audit log. `detail` is a `Detail` as canonical JSON."""

    seq: int
    at: str
    actor: str
    event: str
    detail: str
    previous: str


class Ledger:
    """A write transaction and the entries it adds to the audit log; both are committed together or not at all.

    `seq` is the number of the next entry, `at` the time of all entries of this transaction.
    """

    def __init__(self, connection: Connection, at: datetime, seq: int, head: str) -> None:
        self.connection, self.at, self.seq = connection, timestamp(at), seq + 1
        self._head = head
        self._entries: list[dict[str, Any]] = []

    def new_row(self, actor: str, **values: str | int | None) -> Detail:
        """The columns `record_columns` of the next entry's row, with a random id, and `values`."""
        return {"id": token_hex(16), "seq": self.seq, "at": self.at, "actor": actor, **values}

    def insert(self, table: Table, event: str, actor: str, /, **values: str | int | None) -> str:
        """Inserts a `new_row` and appends its entry; returns the row's id."""
        row = self.new_row(actor, **values)
        self.connection.execute(insert(table).values(row))
        self.append(event, actor, row)
        return str(row["id"])

    def append(self, event: str, actor: str, detail: Detail) -> None:
        """Raises BadNameError if `actor` is not printable."""
        text = canonical_json(detail)
        name = printable_name(actor)
        entry = Entry(seq=self.seq, at=self.at, actor=name, event=event, detail=text, previous=self._head)
        values = entry.model_dump()
        self._head = canonical_hash(values)
        self._entries.append({**values, "hash": self._head})
        self.seq += 1

    def close(self) -> None:
        """Writes the entries in one statement, as they may be thousands, and moves the head to the last one."""
        if self._entries:
            self.connection.execute(insert(audit), self._entries)
            self.connection.execute(update(audit_head).values(seq=self.seq - 1, hash=self._head))
            self._entries = []


@contextmanager
def audited_transaction(database: Database) -> Iterator[Ledger]:
    """One at a time per database: each locks the row of the head first, as the chain needs an order."""
    with database.writing() as connection:
        last = select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.id == 1)
        head = connection.execute(last.with_for_update()).one_or_none()
        if head is None:
            raise StoreError("The head of the store's audit log is missing. Restore the database from a backup.")
        ledger = Ledger(connection, database.now(), head.seq, head.hash)
        yield ledger
        ledger.close()


def timestamp(at: datetime) -> str:
    """UTC in ISO 8601 with microseconds and Z, so that times sort as text."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def printable_name(name: str) -> str:
    """`name`, unchanged. Raises BadNameError for unprintable characters (lone surrogates too) and for long names."""
    if not name.isprintable() or len(name) > NAME_CHARS:
        raise BadNameError(f"A name in the store has at most {NAME_CHARS} characters, all of them printable.")
    return name
