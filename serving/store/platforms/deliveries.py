"""The journal of deliveries to course platforms, the mappings of rubrics, and the grades that can be delivered."""

import json
from typing import Any

from sqlalchemy import Connection, insert, select

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_hash, canonical_json
from labs_schema.observations import SubmissionObservations
from serving.store.contents import make_content, store_contents
from serving.store.errors import ForgottenError
from serving.store.grades.grades import StoredGrade, read_grade, read_submission
from serving.store.grades.overrides import Decision, decisions, read_lab_overrides
from serving.store.ledger import Detail, Ledger, printable_name
from serving.store.students import is_anonymous, read_secrets
from serving.store.tables import contents, deliveries, delivery_mappings, grades, students


class StudentGrade(Frozen):
    """A student's newest grade in a lab, what people decided about this work (criterion title -> decision), and what
    was observed of it."""

    student: str
    grade: StoredGrade
    decisions: dict[str, Decision]
    observations: SubmissionObservations | None = None


class NewEntry(Frozen):
    """An entry of the journal. `event`: `intended` before a value is sent; then `delivered`, `conflict` or `failed`.

    `values` is plain JSON. `revision` is the hash of the grade's neutral record. `code` is empty unless it failed.
    """

    grade: str
    event: str
    code: str = ""
    revision: str
    values: dict[str, Any]


class JournalEntry(NewEntry):
    """A stored entry. `student` is a pseudonym."""

    student: str
    at: str


class StoredMapping(Frozen):
    """`document` is plain JSON; `fingerprint` is that of the platform's rubric when the mapping was made."""

    target: str
    lab: str
    fingerprint: str
    document: dict[str, Any]


def read_lab_grades(connection: Connection, course: str, lab: str) -> list[StudentGrade]:
    """See `Store.read_lab_grades`."""
    query = select(students.c.student, grades.c.id, grades.c.student.label("pseudonym"), grades.c.submission)
    rows = connection.execute(
        query.join(students, students.c.pseudonym == grades.c.student)
        .where(students.c.course == course, grades.c.lab == lab, students.c.student.is_not(None))
        .order_by(grades.c.seq)
    )
    newest = {row.student: row for row in rows if not is_anonymous(row.student)}
    decided = read_lab_overrides(connection, lab, [row.pseudonym for row in newest.values()])
    return [
        StudentGrade(
            student=student,
            grade=read_grade(connection, row.id),
            decisions=decisions(decided.get((row.pseudonym, row.submission), ())),
            observations=submission.observations if submission else None,
        )
        for student, row in sorted(newest.items())
        for submission in [read_submission(connection, row.id)]
    ]


def record_delivery(ledger: Ledger, target: str, pseudonym: str, entry: NewEntry, actor: str) -> None:
    """Appends to the journal. Raises ForgottenError for a forgotten student."""
    if (secret := read_secrets(ledger.connection, [pseudonym])[pseudonym]) is None:
        raise ForgottenError("The student of this delivery was forgotten.")
    content = make_content(pseudonym, secret, entry.values)
    row = ledger.new_row(
        actor,
        target=printable_name(target),
        student=pseudonym,
        **entry.model_dump(include={"grade", "event", "code", "revision"}),
        content=content.hash,
    )
    store_contents(ledger.connection, [content])
    ledger.connection.execute(insert(deliveries).values(row))
    ledger.append("delivery", actor, row)


def read_journal(connection: Connection, target: str, pseudonym: str | None = None) -> list[JournalEntry]:
    """See `Store.read_journal`."""
    query = (
        select(deliveries, contents.c.document)
        .join(contents, contents.c.hash == deliveries.c.content)
        .where(deliveries.c.target == target)
        .order_by(deliveries.c.seq)
    )
    if pseudonym is not None:
        query = query.where(deliveries.c.student == pseudonym)
    columns = ("student", "grade", "event", "code", "revision", "at")
    return [
        JournalEntry(**{name: getattr(row, name) for name in columns}, values=json.loads(row.document))
        for row in connection.execute(query)
    ]


def record_mapping(ledger: Ledger, mapping: StoredMapping, actor: str) -> None:
    """See `Store.record_mapping`."""
    text = canonical_json(mapping.document)
    row: Detail = {
        "seq": ledger.seq,
        "at": ledger.at,
        "actor": actor,
        "target": printable_name(mapping.target),
        "lab": printable_name(mapping.lab),
        "fingerprint": mapping.fingerprint,
        "version": canonical_hash(json.loads(text)),
    }
    ledger.connection.execute(insert(delivery_mappings).values(**row, document=text))
    ledger.append("mapping", actor, row)


def read_mapping(connection: Connection, target: str, lab: str) -> StoredMapping | None:
    """The current mapping of a lab to a target; None if there is none."""
    same = delivery_mappings.c.target == target, delivery_mappings.c.lab == lab
    rows = connection.execute(select(delivery_mappings).where(*same).order_by(delivery_mappings.c.seq.desc()).limit(1))
    row = rows.one_or_none()
    if row is None:
        return None
    columns = ("target", "lab", "fingerprint")
    return StoredMapping(**{name: getattr(row, name) for name in columns}, document=json.loads(row.document))
