"""Who a pseudonym stands for, and what is kept about them until it is forgotten.

A pseudonym is random, one for a student in a course; with the row's `student` and `secret` gone, nothing leads back.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_json
from serving.store.errors import UnknownError
from serving.store.keyed_hashes import new_secret, sealed
from serving.store.ledger import Ledger, plain
from serving.store.lookup import rows_of
from serving.store.tables import contents, grades, idempotency, students

UNKNOWN = "The store gave no such pseudonym. Ask it for one by course and student first."


NOBODY = " nobody "
"""How the name begins under which a month's work without a student is kept."""


class Student(Frozen):
    """`student` is the id, None once it was forgotten."""

    course: str
    student: str | None


class Content(NamedTuple):
    """A row of `contents`; `hash` is sealed."""

    hash: str
    student: str
    document: str


def nobody(month: datetime) -> str:
    """Whom work without a student is put down to: another every month, so that old work can be forgotten though new
    work comes."""
    return f"{NOBODY}{month:%Y-%m}"


def is_nobody(student: str | None) -> bool:
    return student is not None and student.startswith(NOBODY)


def find(connection: Connection, course: str, student: str) -> str | None:
    """The pseudonym, None where the course has none for this student. Raises BadNameError for no plain text."""
    same = students.c.course == plain(course), students.c.student == plain(student)
    return connection.execute(select(students.c.pseudonym).where(*same)).scalar_one_or_none()


def add(ledger: Ledger, course: str, names: Sequence[str], actor: str) -> list[str]:
    """The pseudonyms of the students `names`, in that order, new ones where there are none.

    Raises BadNameError for a name that is no plain text.
    """
    same = select(students.c.student, students.c.pseudonym).where(students.c.course == plain(course))
    found = rows_of(ledger.connection, same, students.c.student, [plain(name) for name in names])
    known = {row.student: row.pseudonym for row in found}
    new = [name for name in dict.fromkeys(names) if name not in known]
    if made := [_made(ledger, course, name, actor) for name in new]:
        ledger.connection.execute(insert(students), made)
    known |= {row["student"]: row["pseudonym"] for row in made}
    return [known[name] for name in names]


def _made(ledger: Ledger, course: str, student: str, actor: str) -> dict[str, str | int | None]:
    secret = new_secret()
    entered: dict[str, str | int | None] = {
        "pseudonym": secrets.token_hex(12),
        "seq": ledger.seq,
        "course": course,
        "identity": sealed(secret, canonical_json([course, student])),
        "created_at": ledger.at,
    }
    ledger.append("student", actor, entered)
    return {**entered, "student": student, "secret": secret}


def who(connection: Connection, pseudonym: str) -> Student:
    """Raises UnknownError for a pseudonym that the store never gave."""
    row = _row(connection, pseudonym)
    return Student(course=row.course, student=row.student)


def secrets_of(connection: Connection, pseudonyms: Sequence[str]) -> dict[str, str | None]:
    """Pseudonym -> secret, None where the student was forgotten. Raises UnknownError for one the store never gave."""
    kept = rows_of(connection, select(students.c.pseudonym, students.c.secret), students.c.pseudonym, pseudonyms)
    found: dict[str, str | None] = {row.pseudonym: row.secret for row in kept}
    if not found.keys() >= set(pseudonyms):
        raise UnknownError(UNKNOWN)
    return found


def content(pseudonym: str, secret: str, value: object) -> Content:
    """`value` (plain JSON) as `keep` takes it."""
    document = canonical_json(value)
    return Content(sealed(secret, document), pseudonym, document)


def keep(connection: Connection, given: Sequence[Content]) -> None:
    """Stores each of `given` once."""
    named = {each.hash: each for each in given}
    known = {row.hash for row in rows_of(connection, select(contents.c.hash), contents.c.hash, list(named))}
    if new := [each._asdict() for name, each in named.items() if name not in known]:
        connection.execute(insert(contents), new)


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
        raise UnknownError(UNKNOWN)
    return found
