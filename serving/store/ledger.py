"""A write transaction together with the audit log it adds to. There is one at a time in a database.

An entry's hash is SHA-256 over the canonical JSON of the entry and of the hash before it. `audit_head` names the last
entry, so that a log that was cut short is found too. Who can write every table can also write a new log: the head that
was noted elsewhere is what they cannot change (`docs/guide/store.md`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_hash, canonical_json
from serving.store.database import Database
from serving.store.errors import BadNameError, StoreError
from serving.store.tables import audit, audit_head

Detail = dict[str, str | int | None]
"""Pseudonyms, names of staff and hashes; never what a student or a TA wrote."""
FIRST = "0" * 64
"""What stands before the first entry."""
LONGEST_NAME = 300


class Entry(Frozen):
    """A line of the audit log. `detail` is a `Detail` as canonical JSON."""

    seq: int
    at: str
    actor: str
    event: str
    detail: str
    previous: str


class Ledger:
    """What is written through `connection` and entered by `append` becomes durable together or not at all.

    `seq` is the number that the next entry gets, `at` the time that all entries of this transaction bear.
    """

    def __init__(self, connection: Connection, at: datetime, seq: int, head: str) -> None:
        self.connection, self.at, self.seq = connection, stamp(at), seq + 1
        self._head = head
        self._entries: list[dict[str, Any]] = []

    def append(self, event: str, actor: str, detail: Detail) -> None:
        """Raises BadNameError where `actor` is no plain text."""
        text = canonical_json(detail)
        entry = Entry(seq=self.seq, at=self.at, actor=plain(actor), event=event, detail=text, previous=self._head)
        values = entry.model_dump()
        self._head = canonical_hash(values)
        self._entries.append({**values, "hash": self._head})
        self.seq += 1

    def close(self) -> None:
        """Writes the entries, all at once as they may be thousands, and moves the head to the last of them."""
        if self._entries:
            self.connection.execute(insert(audit), self._entries)
            self.connection.execute(update(audit_head).values(seq=self.seq - 1, hash=self._head))
            self._entries = []


@contextmanager
def write(database: Database, at: datetime) -> Iterator[Ledger]:
    """The one write transaction. The head's row is locked first, so that writers wait for each other in its order."""
    with database.writing() as connection:
        last = select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.id == 1)
        head = connection.execute(last.with_for_update()).one_or_none()
        if head is None:
            raise StoreError("The store's audit head is gone; take the database from a backup.")
        ledger = Ledger(connection, at, head.seq, head.hash)
        yield ledger
        ledger.close()


def stamp(at: datetime) -> str:
    """UTC, ISO 8601 with microseconds and Z: sorts as text."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def plain(name: str) -> str:
    """`name`, which a log and a database can hold. Raises BadNameError for control characters and half characters."""
    if not name.isprintable() or len(name) > LONGEST_NAME:
        raise BadNameError(f"A name for the store has at most {LONGEST_NAME} characters, all of them printable.")
    return name
