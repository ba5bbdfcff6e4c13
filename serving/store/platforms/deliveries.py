"""The journal of deliveries to course platforms, the mappings of rubrics, and the grades that can be delivered."""

import json
from typing import Any

from sqlalchemy import insert, select

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_hash, canonical_json
from labs_schema.observations import SubmissionObservations
from serving.store.contents import make_content, store_contents
from serving.store.database import Database
from serving.store.errors import ForgottenError
from serving.store.grades.grades import StoredGrade, read_grade, read_submission
from serving.store.grades.overrides import Decision, decisions, read_lab_overrides
from serving.store.ledger import Detail, audited_transaction, printable_name
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


class Deliveries:
    """Every method that writes is one audited transaction. `target` names a platform and the place on it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lab_grades(self, course: str, lab: str) -> list[StudentGrade]:
        """Every student with a grade in a lab of a course, by student id; without anonymous and forgotten ones."""
        query = (
            select(students.c.student, grades.c.id, grades.c.student.label("pseudonym"), grades.c.submission)
            .join(students, students.c.pseudonym == grades.c.student)
            .where(students.c.course == course, grades.c.lab == lab, students.c.student.is_not(None))
            .order_by(grades.c.seq)
        )
        with self._database.reading() as connection:
            newest = {row.student: row for row in connection.execute(query) if not is_anonymous(row.student)}
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

    def record(self, target: str, pseudonym: str, entry: NewEntry, *, actor: str) -> None:
        """Appends to the journal. Raises ForgottenError for a forgotten student."""
        with audited_transaction(self._database) as ledger:
            if (secret := read_secrets(ledger.connection, [pseudonym])[pseudonym]) is None:
                raise ForgottenError("The student of this delivery was forgotten.")
            content = make_content(pseudonym, secret, entry.values)
            store_contents(ledger.connection, [content])
            values = entry.model_dump(include={"grade", "event", "code", "revision"})
            place = {"target": printable_name(target), "student": pseudonym}
            ledger.insert(deliveries, "delivery", actor, **place, **values, content=content.hash)

    def journal(self, target: str, pseudonym: str | None = None) -> list[JournalEntry]:
        """The journal of a target, oldest entry first; of one student or of all who were not forgotten."""
        query = (
            select(deliveries, contents.c.document)
            .join(contents, contents.c.hash == deliveries.c.content)
            .where(deliveries.c.target == target)
            .order_by(deliveries.c.seq)
        )
        if pseudonym is not None:
            query = query.where(deliveries.c.student == pseudonym)
        columns = ("student", "grade", "event", "code", "revision", "at")
        with self._database.reading() as connection:
            return [
                JournalEntry(**{name: getattr(row, name) for name in columns}, values=json.loads(row.document))
                for row in connection.execute(query)
            ]

    def record_mapping(self, mapping: StoredMapping, *, actor: str) -> None:
        """Stores how a lab's rubric maps to a platform's. Replaces the target's earlier mapping from now on."""
        text = canonical_json(mapping.document)
        with audited_transaction(self._database) as ledger:
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

    def mapping(self, target: str, lab: str) -> StoredMapping | None:
        """The current mapping of a lab's rubric to a target; None if there is none."""
        same = delivery_mappings.c.target == target, delivery_mappings.c.lab == lab
        query = select(delivery_mappings).where(*same).order_by(delivery_mappings.c.seq.desc()).limit(1)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        columns = ("target", "lab", "fingerprint")
        return StoredMapping(**{name: getattr(row, name) for name in columns}, document=json.loads(row.document))
