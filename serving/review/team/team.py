"""Assignments of submissions to first and second markers, and the ratings of second markers. Append-only."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from labs_schema.frozen import Frozen
from serving.store.contents import make_content, store_contents
from serving.store.database import Database, select_in_batches
from serving.store.errors import ForgottenError
from serving.store.grades.grades import read_grade
from serving.store.ledger import Detail, audited_transaction, printable_name
from serving.store.review.tables import assignments, second_ratings
from serving.store.students import is_anonymous, read_secrets
from serving.store.tables import contents, grades, students


class Marking(StrEnum):
    """`second`: an independent rating of a sample, which decides nothing."""

    FIRST = "first"
    SECOND = "second"


class Assignment(Frozen):
    """`ta`: the id of a key, None if the assignment was removed. `seq`: of its audit entry."""

    marking: Marking
    ta: str | None
    seq: int


class SecondRating(Frozen):
    """`ratings`: criterion title -> rating, of every criterion. `submission`: keyed hash of the rated files."""

    actor: str
    at: str
    seq: int
    submission: str
    ratings: dict[str, str]
    comment: str


class NewAssignment(Frozen):
    """`known`: the number of the last audit entry when the person saw the submission's assignment."""

    grade: str
    ta: str | None
    known: int


class Team:
    """Thread-safe. Every method that writes is one audited transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def assign(self, new: Sequence[NewAssignment], marking: Marking, *, request: str, actor: str) -> list[str]:
        """Assigns each grade's work, and returns the ids of the grades that someone else has assigned since, which
        keep that assignment. Idempotent per request."""
        conflicts, rows, request = [], list[Detail](), printable_name(request)
        with audited_transaction(self._database) as ledger:
            current = _current(ledger.connection, [each.grade for each in new], marking)
            recorded = _recorded(ledger.connection, request)
            for each in new:
                last = current.get(each.grade)
                if each.grade in recorded or (last.ta if last else None) == each.ta:
                    continue
                if last is not None and last.seq > each.known:
                    conflicts.append(each.grade)
                    continue
                row = ledger.new_row(actor, request=request, grade=each.grade, marking=marking.value, ta=each.ta)
                rows.append(row)
                ledger.append("assignment", actor, row)
            if rows:
                ledger.connection.execute(insert(assignments), rows)
        return conflicts

    def assigned_by(self, request: str) -> int:
        """The number of grades that a request assigned."""
        with self._database.reading() as connection:
            return len(_recorded(connection, request))

    def rate(self, grade_id: str, ratings: Mapping[str, str], comment: str, *, request: str, actor: str) -> bool:
        """Appends a second marker's ratings of all criteria. False if this TA had rated the same files before.
        Idempotent per request.

        Raises UnknownError for an unknown grade, ForgottenError.
        """
        with audited_transaction(self._database) as ledger:
            connection, grade = ledger.connection, read_grade(ledger.connection, grade_id)
            of_student = grades.c.student == grade.student, grades.c.lab == grade.lab
            same = *of_student, grades.c.submission == grade.submission
            query = select(second_ratings.c.request).join(grades, grades.c.id == second_ratings.c.grade)
            before = connection.execute(query.where(second_ratings.c.actor == actor, *same)).scalars().all()
            if before:
                return request in before
            if (secret := read_secrets(connection, [grade.student])[grade.student]) is None:
                raise ForgottenError(f"The student of grade {grade_id} was forgotten.")
            content = make_content(grade.student, secret, {"ratings": dict(ratings), "comment": comment})
            store_contents(connection, [content])
            values = {"request": printable_name(request), "grade": grade_id, "content": content.hash}
            ledger.insert(second_ratings, "second-rating", actor, **values)
            return True

    def is_second_marker(self, actor: str) -> bool:
        """Whether a TA ever was the second marker of a submission."""
        mine = assignments.c.ta == actor, assignments.c.marking == Marking.SECOND
        with self._database.reading() as connection:
            return connection.execute(select(assignments.c.id).where(*mine).limit(1)).first() is not None

    def has_rated(self, request: str, actor: str) -> bool:
        """Whether a request recorded a second marker's ratings."""
        same = second_ratings.c.request == request, second_ratings.c.actor == actor
        with self._database.reading() as connection:
            return connection.execute(select(second_ratings.c.id).where(*same)).first() is not None


def new_assignments(course: str, lab: str, since: int) -> Select[Any]:
    """The assignments in a lab after an audit entry, oldest first, with the students they concern."""
    query = _in_lab(select(assignments, *OWNER), assignments.c.grade, course, lab)
    return query.where(assignments.c.seq > since).order_by(assignments.c.seq)


def new_second_ratings(course: str, lab: str, since: int) -> Select[Any]:
    """The second ratings in a lab after an audit entry, oldest first, with the students they concern."""
    query = select(second_ratings, contents.c.document, *OWNER).join(
        contents, contents.c.hash == second_ratings.c.content
    )
    query = _in_lab(query, second_ratings.c.grade, course, lab)
    return query.where(second_ratings.c.seq > since).order_by(second_ratings.c.seq)


def stored_assignment(row: Row[Any]) -> Assignment:
    return Assignment(marking=Marking(row.marking), ta=row.ta, seq=row.seq)


def stored_second_rating(row: Row[Any]) -> SecondRating:
    texts = json.loads(row.document)
    return SecondRating(actor=row.actor, at=row.at, seq=row.seq, submission=row.submission, **texts)


OWNER = (grades.c.student, grades.c.submission, students.c.student.label("name"))


def _in_lab(query: Select[Any], grade: Any, course: str, lab: str) -> Select[Any]:
    joined = query.join(grades, grades.c.id == grade).join(students, students.c.pseudonym == grades.c.student)
    return joined.where(grades.c.lab == lab, students.c.course == course)


def _recorded(connection: Connection, request: str) -> set[str]:
    """The grades that a request assigned, also if someone else assigned them since."""
    return set(connection.execute(select(assignments.c.grade).where(assignments.c.request == request)).scalars())


def _current(connection: Connection, ids: Sequence[str], marking: Marking) -> dict[str, Row[Any]]:
    """Grade id -> the last assignment of the same student and lab; for equal students the last one counts."""
    work = {row.id: row for row in select_in_batches(connection, select(grades), grades.c.id, ids)}
    query = select(assignments, grades.c.student, grades.c.lab, grades.c.submission).join(
        grades, grades.c.id == assignments.c.grade
    )
    pseudonyms = sorted({row.student for row in work.values()})
    found = select_in_batches(connection, query.where(assignments.c.marking == marking), grades.c.student, pseudonyms)
    anonymous = _anonymous(connection, pseudonyms)

    def owner(row: Row[Any]) -> tuple[str, ...]:
        return (row.student, row.lab, row.submission) if row.student in anonymous else (row.student, row.lab)

    last = {owner(row): row for row in sorted(found, key=lambda row: row.seq)}
    return {id_: last[owner(row)] for id_, row in work.items() if owner(row) in last}


def _anonymous(connection: Connection, pseudonyms: Sequence[str]) -> set[str]:
    rows = select_in_batches(connection, select(students), students.c.pseudonym, pseudonyms)
    return {row.pseudonym for row in rows if is_anonymous(row.student)}
