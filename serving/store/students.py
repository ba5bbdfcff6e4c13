"""Who a pseudonym stands for, and what is kept about them until it is forgotten.

A pseudonym is random, one for a student in a course; with the row's `student` and `secret` gone, nothing leads back.
"""

import secrets
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_json
from serving.store.errors import UnknownError
from serving.store.ledger import Ledger, plain
from serving.store.sealing import new_secret, sealed
from serving.store.tables import contents, grades, idempotency, students


class Student(Frozen):
    """`student` is the id, None once it was forgotten."""

    course: str
    student: str | None


def find(connection: Connection, course: str, student: str) -> str | None:
    """The pseudonym, None where the course has none for this student. Raises BadNameError for no plain text."""
    same = students.c.course == plain(course), students.c.student == plain(student)
    return connection.execute(select(students.c.pseudonym).where(*same)).scalar_one_or_none()


def add(ledger: Ledger, course: str, student: str, actor: str) -> str:
    """The student's pseudonym, a new one where there is none. Raises BadNameError for a name that is no plain text."""
    if known := find(ledger.connection, course, student):
        return known
    secret = new_secret()
    entered: dict[str, str | int | None] = {
        "pseudonym": secrets.token_hex(12),
        "seq": ledger.seq,
        "course": course,
        "identity": sealed(secret, canonical_json([course, student])),
        "created_at": ledger.at,
    }
    ledger.connection.execute(insert(students).values(**entered, student=student, secret=secret))
    ledger.append("student", actor, entered)
    return str(entered["pseudonym"])


def who(connection: Connection, pseudonym: str) -> Student:
    """Raises UnknownError for a pseudonym that the store never gave."""
    row = _row(connection, pseudonym)
    return Student(course=row.course, student=row.student)


def secret_of(connection: Connection, pseudonym: str) -> str | None:
    """None where the student was forgotten. Raises UnknownError for a pseudonym that the store never gave."""
    secret: str | None = _row(connection, pseudonym).secret
    return secret


def keep(connection: Connection, pseudonym: str, secret: str, value: object) -> str:
    """Stores `value` (plain JSON) once and returns its sealed hash."""
    document = canonical_json(value)
    name = sealed(secret, document)
    if connection.execute(select(contents.c.hash).where(contents.c.hash == name)).first() is None:
        connection.execute(insert(contents).values(hash=name, student=pseudonym, document=document))
    return name


def forget(ledger: Ledger, pseudonym: str, actor: str) -> int:
    """Deletes what is kept about a student; how many records. The audit log says that it was done, not to whom."""
    gone = ledger.connection.execute(delete(contents).where(contents.c.student == pseudonym)).rowcount
    ledger.connection.execute(delete(idempotency).where(idempotency.c.student == pseudonym))
    row = update(students).where(students.c.pseudonym == pseudonym)
    ledger.connection.execute(row.values(student=None, secret=None, forgotten_at=ledger.at))
    ledger.append("forget", actor, {"pseudonym": pseudonym, "contents": gone})
    return gone


def named(connection: Connection, student: str, course: str | None) -> list[str]:
    """The pseudonyms of a student, in one course or in all."""
    found = select(students.c.pseudonym).where(students.c.student == student)
    if course is not None:
        found = found.where(students.c.course == course)
    return list(connection.execute(found.order_by(students.c.seq)).scalars())


def unseen_since(connection: Connection, course: str, before: str) -> list[str]:
    """Students of a course, not forgotten, of whom nothing was graded at or after the time `before`."""
    last = func.coalesce(func.max(grades.c.at), students.c.created_at)
    found = (
        select(students.c.pseudonym)
        .outerjoin(grades, grades.c.student == students.c.pseudonym)
        .where(students.c.course == course, students.c.forgotten_at.is_(None))
        .group_by(students.c.pseudonym, students.c.created_at, students.c.seq)
        .having(last < before)
        .order_by(students.c.seq)
    )
    return list(connection.execute(found).scalars())


def _row(connection: Connection, pseudonym: str) -> Row[Any]:
    found = connection.execute(select(students).where(students.c.pseudonym == pseudonym)).one_or_none()
    if found is None:
        raise UnknownError("The store gave no such pseudonym. Ask it for one by course and student first.")
    return found
