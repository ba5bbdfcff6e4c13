"""Verifies the audit log's hash chain and every row that the log records.

Finds edits, deletions, additions, reordering and truncation, in the log and in the tables. Contents may be missing only
if the log records that their student was forgotten.
"""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Column, Connection, FromClause, Row, Table, func, or_, select

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_hash, canonical_json
from serving.store.contents import keyed_hash
from serving.store.ledger import FIRST_HASH, Entry
from serving.store.review.tables import assignments, clarification_events, clarifications, second_ratings, snippets
from serving.store.tables import (
    audit,
    audit_head,
    contents,
    courses,
    deliveries,
    delivery_mappings,
    grades,
    keys,
    overrides,
    regrade_answers,
    regrade_requests,
    rubrics,
    students,
)
from serving.store.verification.changed_rows import AuditFault, fault
from serving.store.verification.lti_rows import lti_faults
from serving.store.verification.webhook_rows import webhook_faults

ROWS_PER_FETCH = 500
RECORDED_TABLES = {
    "student": students,
    "rubric": rubrics,
    "grade": grades,
    "override": overrides,
    "regrade-request": regrade_requests,
    "regrade-answer": regrade_answers,
    "key": keys,
    "course": courses,
    "delivery": deliveries,
    "mapping": delivery_mappings,
    "assignment": assignments,
    "second-rating": second_ratings,
    "snippet": snippets,
    "clarification": clarifications,
    "clarification-event": clarification_events,
}
"""Event -> the table whose row the entry records."""
UNRECORDED_COLUMNS = {
    "student": {"student", "secret", "forgotten_at"},
    "rubric": {"document"},
    "key": {"revoked_at"},
    "mapping": {"document"},
    "snippet": {"text", "removed_at"},
    "clarification": {"document"},
}
"""Event -> columns that are not in the entry, as they change later or are checked by a hash."""
CONTENTS: tuple[tuple[Column[Any], FromClause], ...] = (
    (grades.c.content, grades),
    (grades.c.submission, grades),
    (overrides.c.content, overrides.join(grades)),
    (deliveries.c.content, deliveries.join(grades)),
    (regrade_requests.c.content, regrade_requests.join(grades)),
    (second_ratings.c.content, second_ratings.join(grades)),
    (regrade_answers.c.content, regrade_answers.join(regrade_requests).join(grades)),
)
"""Columns with hashes of contents, and their tables, each joined with the grades that its rows are about."""


class AuditReport(Frozen):
    """`entries` and `head` are the number and hash of the last entry; record them outside of the store."""

    entries: int
    head: str
    faults: tuple[AuditFault, ...]


def verify_store(connection: Connection, expected_head: str | None = None) -> AuditReport:
    """Reads the complete store. `expected_head`: `number:hash` of an earlier report; that entry must still exist."""
    row = connection.execute(select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.id == 1)).one_or_none()
    head = None if row is None else (row.seq, row.hash)
    faults = [*_chain(connection, head), *_expected_head(connection, expected_head)]
    for event, table in RECORDED_TABLES.items():
        faults += _rows(connection, event, table)
    forgotten = _named_by(connection, "forget", "pseudonym")
    faults += [*_students(connection, forgotten), *_rubrics(connection), *_keys(connection)]
    faults += _snippets(connection)
    faults += [*lti_faults(connection, forgotten), *webhook_faults(connection)]
    faults += [*_edited(connection), *_missing(connection, forgotten)]
    entries, digest = head or (0, FIRST_HASH)
    return AuditReport(entries=entries, head=digest, faults=tuple(faults))


def _chain(connection: Connection, head: tuple[int, str] | None) -> Iterator[AuditFault]:
    number, previous = 0, FIRST_HASH
    for row in connection.execute(select(audit).order_by(audit.c.seq).execution_options(yield_per=ROWS_PER_FETCH)):
        for lost in range(number + 1, min(row.seq, number + ROWS_PER_FETCH)):
            yield fault("entry-missing", lost, "is missing")
        if row.seq == number + 1 and row.previous != previous:
            yield fault("chain-broken", row.seq, "does not follow from the previous entry")
        if _hash(row) != row.hash:
            yield fault("entry-changed", row.seq, "was changed")
        number, previous = row.seq, row.hash
    if head is None:
        yield fault("head-missing", None, "the head of the log is missing")
    elif head[0] > number:
        yield fault("log-truncated", number + 1, f"is missing, with all entries up to {head[0]}")
    elif head != (number, previous):
        yield fault("head-mismatch", number, "is not the entry that the head of the log names")


def _hash(row: Row[Any]) -> str:
    try:
        return canonical_hash(Entry.model_validate({n: getattr(row, n) for n in Entry.model_fields}).model_dump())
    except ValidationError:
        return ""


def _expected_head(connection: Connection, expected_head: str | None) -> Iterator[AuditFault]:
    if expected_head is None:
        return
    number, _, digest = expected_head.partition(":")
    entry = int(number) if number.isdecimal() and len(number) < 10 else None
    found = connection.execute(select(audit.c.hash).where(audit.c.seq == entry)).scalar_one_or_none()
    if found != digest:
        yield fault("expected-head-missing", entry, f"does not match the expected head {expected_head}")


def _rows(connection: Connection, event: str, table: Table) -> Iterator[AuditFault]:
    """Every entry of `event` has its row, every row has its entry, and they agree."""
    columns = [column for column in table.columns if column.name not in UNRECORDED_COLUMNS.get(event, ())]
    both = select(audit.c.seq.label("entry"), audit.c.detail, *_named(columns)).outerjoin(
        table, table.c.seq == audit.c.seq
    )
    entered = both.where(audit.c.event == event).order_by(audit.c.seq)
    for row in connection.execute(entered.execution_options(yield_per=ROWS_PER_FETCH)):
        there = {column.name: getattr(row, f"row_{column.name}") for column in columns}
        if there["seq"] is None:
            yield fault("row-deleted", row.entry, f"its {event} was deleted")
        elif _canonical(there) != row.detail:
            yield fault("row-changed", row.entry, f"its {event} was changed")
    alone = select(func.count()).select_from(table.outerjoin(audit, audit.c.seq == table.c.seq))
    if many := connection.execute(alone.where(or_(audit.c.seq.is_(None), audit.c.event != event))).scalar_one():
        yield fault("row-without-entry", None, f"{many} rows of {table.name} have no entry")


def _named(columns: list[Column[Any]]) -> list[Any]:
    return [column.label(f"row_{column.name}") for column in columns]


def _named_by(connection: Connection, event: str, name: str) -> dict[str, Any]:
    """Value of `name` in the detail of an entry of `event` -> the entry."""
    rows = connection.execute(select(audit.c.seq, audit.c.at, audit.c.detail).where(audit.c.event == event))
    return {str(_detail(row.detail).get(name)): row for row in rows}


def _detail(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _students(connection: Connection, forgotten: dict[str, Any]) -> Iterator[AuditFault]:
    for row in connection.execute(
        select(students).order_by(students.c.seq).execution_options(yield_per=ROWS_PER_FETCH)
    ):
        entry = forgotten.get(row.pseudonym)
        if entry is not None:
            if (row.student, row.secret, row.forgotten_at) != (None, None, entry.at):
                yield fault("student-not-erased", entry.seq, "its student was not erased, or at another time")
        elif row.forgotten_at or not _hash_matches(row.secret, _canonical([row.course, row.student]), row.identity):
            yield fault("student-changed", row.seq, "its student was changed, or erased without an entry")


def _rubrics(connection: Connection) -> Iterator[AuditFault]:
    for name, table in (("rubric", rubrics), ("mapping", delivery_mappings), ("clarification", clarifications)):
        for row in connection.execute(select(table).execution_options(yield_per=ROWS_PER_FETCH)):
            if canonical_hash(_detail(row.document)) != row.version:
                yield fault(f"{name}-changed", row.seq, f"its {name} was changed")


def _snippets(connection: Connection) -> Iterator[AuditFault]:
    removed = _named_by(connection, "snippet-removal", "id")
    for row in connection.execute(select(snippets)):
        entry = removed.get(row.id)
        if row.removed_at != (entry.at if entry else None) or (row.text is None) != (entry is not None):
            yield fault("snippet-changed", row.seq, "the log and the table disagree about removing its snippet")
        elif row.text is not None and _canonical(row.text) is not None and canonical_hash(row.text) != row.text_hash:
            yield fault("snippet-changed", row.seq, "the text of its snippet was changed")


def _keys(connection: Connection) -> Iterator[AuditFault]:
    revoked = _named_by(connection, "revoke", "id")
    for row in connection.execute(select(keys)):
        entry = revoked.get(row.id)
        if row.revoked_at != (entry.at if entry else None):
            number = entry.seq if entry else row.seq
            yield fault("revocation-mismatch", number, "the log and the table disagree about revoking its key")


def _edited(connection: Connection) -> Iterator[AuditFault]:
    query = select(contents, students.c.secret).outerjoin(students, students.c.pseudonym == contents.c.student)
    for row in connection.execute(query.execution_options(yield_per=ROWS_PER_FETCH)):
        if not _hash_matches(row.secret, row.document, row.hash):
            for entry in _entries_of(connection, row.hash):
                yield fault("content-changed", entry, "its content was changed, or was not erased")


def _hash_matches(secret: str | None, document: str | None, expected: str) -> bool:
    try:
        return secret is not None and document is not None and keyed_hash(secret, document) == expected
    except (ValueError, TypeError, AttributeError):  # not hexadecimal, not ASCII, or bytes in a text column of SQLite
        return False


def _canonical(value: object) -> str | None:
    """Canonical JSON; None if the value contains bytes, which SQLite accepts in any column."""
    try:
        return canonical_json(value)
    except TypeError:
        return None


def _entries_of(connection: Connection, content: str) -> list[int | None]:
    """The entries whose row refers to a content; [None] if there are none."""
    found: list[int | None] = []
    for column, _ in CONTENTS:
        seq = column.table.c.seq
        found += connection.execute(select(seq).where(column == content).order_by(seq)).scalars()
    return found or [None]


def _missing(connection: Connection, forgotten: dict[str, Any]) -> Iterator[AuditFault]:
    for column, rows in CONTENTS:
        gone = select(column.table.c.seq, grades.c.student).where(contents.c.hash.is_(None))
        for row in connection.execute(gone.select_from(rows.outerjoin(contents, contents.c.hash == column))):
            if row.student not in forgotten:
                yield fault("content-missing", row.seq, "its content was deleted without an entry")
