"""Whether the audit log is whole, and whether every row that it bears witness of is there as it was written.

Finds an edit, a deletion, an addition, another order and a cut tail, in the log and in the tables. Contents may be
missing where the log says that their student was forgotten, and only there.
"""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Column, Connection, Row, Table, func, or_, select

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_hash, canonical_json
from serving.store.keyed_hashes import sealed
from serving.store.ledger import FIRST, Entry
from serving.store.tables import audit, audit_head, contents, courses, grades, keys, overrides, rubrics, students

ROWS = 500
WITNESSED = {
    "student": students,
    "rubric": rubrics,
    "grade": grades,
    "override": overrides,
    "key": keys,
    "course": courses,
}
"""Event -> the table whose row the entry holds."""
CHANGES = {"student": {"student", "secret", "forgotten_at"}, "rubric": {"document"}, "key": {"revoked_at"}}
"""Event -> columns that its entry does not hold: they change, or they are checked by a hash."""


class AuditFault(Frozen):
    """`entry` is the number of the entry, None where the fault belongs to none."""

    entry: int | None
    what: str


class AuditReport(Frozen):
    """`entries` and `head` are the last entry's number and hash: worth noting outside of the store."""

    entries: int
    head: str
    faults: tuple[AuditFault, ...]


def verify(connection: Connection, noted: str | None = None) -> AuditReport:
    """Reads the whole store. `noted` is a head that was noted earlier, as `number:hash`; it must still be there."""
    row = connection.execute(select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.id == 1)).one_or_none()
    head = None if row is None else (row.seq, row.hash)
    faults = [*_chain(connection, head), *_noted(connection, noted)]
    for event, table in WITNESSED.items():
        faults += _rows(connection, event, table)
    forgotten = _named_by(connection, "forget", "pseudonym")
    faults += [*_students(connection, forgotten), *_rubrics(connection), *_keys(connection)]
    faults += [*_edited(connection), *_missing(connection, forgotten)]
    entries, digest = head or (0, FIRST)
    return AuditReport(entries=entries, head=digest, faults=tuple(faults))


def _chain(connection: Connection, head: tuple[int, str] | None) -> Iterator[AuditFault]:
    number, previous = 0, FIRST
    for row in connection.execute(select(audit).order_by(audit.c.seq).execution_options(yield_per=ROWS)):
        for lost in range(number + 1, min(row.seq, number + ROWS)):
            yield AuditFault(entry=lost, what="is missing")
        if row.seq == number + 1 and row.previous != previous:
            yield AuditFault(entry=row.seq, what="does not follow from the entry before it")
        if _hash(row) != row.hash:
            yield AuditFault(entry=row.seq, what="was changed")
        number, previous = row.seq, row.hash
    if head is None:
        yield AuditFault(entry=None, what="the head of the log is missing")
    elif head[0] > number:
        yield AuditFault(entry=number + 1, what=f"is missing, and all after it up to {head[0]}")
    elif head != (number, previous):
        yield AuditFault(entry=number, what="is not the entry that the head of the log names")


def _hash(row: Row[Any]) -> str:
    try:
        return canonical_hash(Entry.model_validate({n: getattr(row, n) for n in Entry.model_fields}).model_dump())
    except ValidationError:
        return ""


def _noted(connection: Connection, noted: str | None) -> Iterator[AuditFault]:
    if noted is None:
        return
    number, _, digest = noted.partition(":")
    entry = int(number) if number.isdecimal() and len(number) < 10 else None
    found = connection.execute(select(audit.c.hash).where(audit.c.seq == entry)).scalar_one_or_none()
    if found != digest:
        yield AuditFault(entry=entry, what=f"is not the one that was noted as {noted}")


def _rows(connection: Connection, event: str, table: Table) -> Iterator[AuditFault]:
    """Every entry of `event` has its row, every row its entry, and both say the same."""
    columns = [column for column in table.columns if column.name not in CHANGES.get(event, ())]
    both = select(audit.c.seq.label("entry"), audit.c.detail, *_named(columns)).outerjoin(
        table, table.c.seq == audit.c.seq
    )
    entered = both.where(audit.c.event == event).order_by(audit.c.seq)
    for row in connection.execute(entered.execution_options(yield_per=ROWS)):
        there = {column.name: getattr(row, f"row_{column.name}") for column in columns}
        if there["seq"] is None:
            yield AuditFault(entry=row.entry, what=f"its {event} was deleted")
        elif _canonical(there) != row.detail:
            yield AuditFault(entry=row.entry, what=f"its {event} was changed")
    alone = select(func.count()).select_from(table.outerjoin(audit, audit.c.seq == table.c.seq))
    if many := connection.execute(alone.where(or_(audit.c.seq.is_(None), audit.c.event != event))).scalar_one():
        yield AuditFault(entry=None, what=f"{many} rows of {table.name} have no entry")


def _named(columns: list[Column[Any]]) -> list[Any]:
    return [column.label(f"row_{column.name}") for column in columns]


def _named_by(connection: Connection, event: str, name: str) -> dict[str, Any]:
    """What the entries of `event` call `name` in their detail -> the entry."""
    rows = connection.execute(select(audit.c.seq, audit.c.at, audit.c.detail).where(audit.c.event == event))
    return {str(_detail(row.detail).get(name)): row for row in rows}


def _detail(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _students(connection: Connection, forgotten: dict[str, Any]) -> Iterator[AuditFault]:
    for row in connection.execute(select(students).order_by(students.c.seq).execution_options(yield_per=ROWS)):
        entry = forgotten.get(row.pseudonym)
        if entry is not None:
            if (row.student, row.secret, row.forgotten_at) != (None, None, entry.at):
                yield AuditFault(entry=entry.seq, what="its student is still there, or was forgotten at another time")
        elif row.forgotten_at or not _sealed(row.secret, _canonical([row.course, row.student]), row.identity):
            yield AuditFault(entry=row.seq, what="its student was changed, or deleted without a word")


def _rubrics(connection: Connection) -> Iterator[AuditFault]:
    for row in connection.execute(select(rubrics).execution_options(yield_per=ROWS)):
        if canonical_hash(_detail(row.document)) != row.version:
            yield AuditFault(entry=row.seq, what="its rubric was changed")


def _keys(connection: Connection) -> Iterator[AuditFault]:
    revoked = _named_by(connection, "revoke", "id")
    for row in connection.execute(select(keys)):
        entry = revoked.get(row.id)
        if row.revoked_at != (entry.at if entry else None):
            yield AuditFault(entry=entry.seq if entry else row.seq, what="its key was revoked, or not, without a word")


def _edited(connection: Connection) -> Iterator[AuditFault]:
    kept = select(contents, students.c.secret).outerjoin(students, students.c.pseudonym == contents.c.student)
    for row in connection.execute(kept.execution_options(yield_per=ROWS)):
        if not _sealed(row.secret, row.document, row.hash):
            for entry in _entries_of(connection, row.hash):
                yield AuditFault(entry=entry, what="its content was changed, or is there after it was forgotten")


def _sealed(secret: str | None, document: str | None, expected: str) -> bool:
    try:
        return secret is not None and document is not None and sealed(secret, document) == expected
    except (ValueError, TypeError, AttributeError):  # not hexadecimal, not ASCII, bytes where SQLite had text
        return False


def _canonical(value: object) -> str | None:
    """None where it holds bytes, which SQLite takes into any column."""
    try:
        return canonical_json(value)
    except TypeError:
        return None


def _entries_of(connection: Connection, content: str) -> list[int | None]:
    """The entries whose row names a content; [None] where there are none."""
    found: list[int | None] = []
    for table, columns in ((grades, (grades.c.submission, grades.c.content)), (overrides, (overrides.c.content,))):
        named = select(table.c.seq).where(or_(*(column == content for column in columns))).order_by(table.c.seq)
        found += connection.execute(named).scalars()
    return found or [None]


def _missing(connection: Connection, forgotten: dict[str, Any]) -> Iterator[AuditFault]:
    of_grades = select(grades.c.seq, grades.c.student)
    of_overrides = select(overrides.c.seq, grades.c.student).join(grades, grades.c.id == overrides.c.grade)
    for rows, column in (
        (of_grades, grades.c.content),
        (of_grades, grades.c.submission),
        (of_overrides, overrides.c.content),
    ):
        gone = rows.outerjoin(contents, contents.c.hash == column).where(contents.c.hash.is_(None))
        for row in connection.execute(gone):
            if row.student not in forgotten:
                yield AuditFault(entry=row.seq, what="its content was deleted without a word")
