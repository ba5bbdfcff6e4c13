"""Pseudonyms of students, and erasing students.

A pseudonym is random, one per student and course. Once the row's `student` and `secret` are deleted, the mapping is
irreversible.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_json
from labs_schema.student_ids import local_part, written_id
from serving.store.contents import keyed_hash
from serving.store.database import select_in_batches
from serving.store.errors import ForgottenError, UnknownError
from serving.store.ledger import Ledger, printable_name
from serving.store.platforms.lti_tables import lti_users
from serving.store.tables import contents, grades, idempotency, observation_requests, students

UNKNOWN = "The store did not issue this pseudonym. Get one by course and student first."
ANONYMOUS = " anonymous "
"""Prefix of the id under which work without a student is stored. Real ids have no surrounding spaces."""


class Student(Frozen):
    """`student` is the id, None once it was forgotten."""

    course: str
    student: str | None


def anonymous_id(month: datetime) -> str:
    """The id for work without a student: a new one each month, so that old anonymous work can be erased."""
    return f"{ANONYMOUS}{month:%Y-%m}"


def is_anonymous(student: str | None) -> bool:
    return student is not None and student.startswith(ANONYMOUS)


def find_pseudonym(connection: Connection, course: str, student: str) -> str | None:
    """The pseudonym; None if the course has none for this student. Raises BadNameError for an unprintable name."""
    same = students.c.course == printable_name(course), students.c.student == printable_name(student)
    return connection.execute(select(students.c.pseudonym).where(*same)).scalar_one_or_none()


def add_students(ledger: Ledger, course: str, names: Sequence[str], actor: str) -> list[str]:
    """The pseudonyms of the students `names`, in that order; new ones for new students.

    Raises BadNameError for an unprintable name.
    """
    query = select(students.c.student, students.c.pseudonym).where(students.c.course == printable_name(course))
    printable = [printable_name(name) for name in names]
    known = {
        row.student: row.pseudonym for row in select_in_batches(ledger.connection, query, students.c.student, printable)
    }
    new = [_new_student(ledger, course, name, actor) for name in dict.fromkeys(names) if name not in known]
    if new:
        ledger.connection.execute(insert(students), new)
    known |= {row["student"]: row["pseudonym"] for row in new}
    return [known[name] for name in names]


def _new_student(ledger: Ledger, course: str, student: str, actor: str) -> dict[str, str | int | None]:
    secret = secrets.token_hex(32)
    row: dict[str, str | int | None] = {
        "pseudonym": secrets.token_hex(12),
        "seq": ledger.seq,
        "course": course,
        "identity": keyed_hash(secret, canonical_json([course, student])),
        "created_at": ledger.at,
    }
    ledger.append("student", actor, row)
    return {**row, "student": student, "secret": secret}


def read_student(connection: Connection, pseudonym: str) -> Student:
    """Raises UnknownError for a pseudonym that the store did not issue."""
    found = connection.execute(select(students).where(students.c.pseudonym == pseudonym)).one_or_none()
    if found is None:
        raise UnknownError(UNKNOWN)
    return Student(course=found.course, student=found.student)


def read_secrets(connection: Connection, pseudonyms: Sequence[str]) -> dict[str, str | None]:
    """Pseudonym -> secret, None for a forgotten student. Raises UnknownError for a pseudonym never issued."""
    query = select(students.c.pseudonym, students.c.secret)
    rows = select_in_batches(connection, query, students.c.pseudonym, pseudonyms)
    found: dict[str, str | None] = {row.pseudonym: row.secret for row in rows}
    if not found.keys() >= set(pseudonyms):
        raise UnknownError(UNKNOWN)
    return found


def lock_student(connection: Connection, pseudonym: str | None) -> None:
    """Orders this transaction before or after forgetting the student. Raises ForgottenError if it is after."""
    if pseudonym is None:
        return
    query = select(students.c.forgotten_at).where(students.c.pseudonym == pseudonym).with_for_update(read=True)
    if connection.execute(query).scalar_one_or_none() is not None:
        raise ForgottenError("The student was forgotten.")


def forget_student(ledger: Ledger, pseudonym: str, actor: str) -> int:
    """Erases a student's identity, contents and stored answers; returns the number of contents.

    The audit log records the pseudonym, not the student.
    """
    connection = ledger.connection
    # The student's row first: `lock_student` locks it too, so that nothing about the student is stored after this.
    row = update(students).where(students.c.pseudonym == pseudonym)
    connection.execute(row.values(student=None, secret=None, forgotten_at=ledger.at))
    erased = connection.execute(delete(contents).where(contents.c.student == pseudonym)).rowcount
    for table in (idempotency, observation_requests):
        connection.execute(delete(table).where(table.c.student == pseudonym))
    launched = lti_users.c.student == pseudonym
    connection.execute(delete(lti_users).where(launched, lti_users.c.key.is_(None)))
    connection.execute(update(lti_users).where(launched).values(student=None))
    ledger.append("forget", actor, {"pseudonym": pseudonym, "contents": erased})
    return erased


def find_pseudonyms(connection: Connection, student: str, course: str | None) -> list[str]:
    """The pseudonyms of a student, in one course or in all.

    `s1` and `s1@course` are the same student in a course that has no other `s1@...`; otherwise only the id itself.
    """
    local = local_part(student)
    same = (students.c.student == local) | students.c.student.startswith(f"{local}@", autoescape=True)
    query = select(students.c.pseudonym, students.c.course, students.c.student).where(same)
    if course is not None:
        query = query.where(students.c.course == course)
    rows = connection.execute(query.order_by(students.c.seq)).all()
    full: dict[str, set[str]] = {}
    for row in rows:
        full.setdefault(row.course, {student} - {local}).update({row.student} - {local})
    return [row.pseudonym for row in rows if row.student == written_id(student) or len(full[row.course]) <= 1]


def inactive_since(connection: Connection, course: str, before: str) -> list[str]:
    """Pseudonyms of a course, not forgotten, without a grade at or after the time `before`."""
    last = func.coalesce(func.max(grades.c.at), students.c.created_at)
    query = (
        select(students.c.pseudonym)
        .outerjoin(grades, grades.c.student == students.c.pseudonym)
        .where(students.c.course == course, students.c.forgotten_at.is_(None))
        .group_by(students.c.pseudonym, students.c.created_at, students.c.seq)
        .having(last < before)
        .order_by(students.c.seq)
    )
    return list(connection.execute(query).scalars())
