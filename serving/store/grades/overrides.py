"""Human decisions on top of machine grades, and the complete history of a grade. Both are append-only."""

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from labs_schema.frozen import Frozen
from labs_schema.models import Lab
from serving.store.database import select_in_batches
from serving.store.grades.grades import StoredGrade, read_grade, read_lab, read_student_grades
from serving.store.students import is_anonymous, read_student
from serving.store.tables import contents, grades, overrides


class Action(StrEnum):
    """`rate` sets a rating, `accept` confirms the model's, `comment` changes the comment only, `undo` takes an
    earlier record back, `conflict` is a choice made from an outdated page, which changes nothing."""

    RATE = "rate"
    ACCEPT = "accept"
    COMMENT = "comment"
    UNDO = "undo"
    CONFLICT = "conflict"


class StoredOverride(Frozen):
    """`old` is the previous rating, None if the criterion was ungraded; `new` the current one after the record. All
    texts are erased with the student.

    `blind`: whether the model's rating was hidden from the person. `shown_at`: when the page was rendered, None for
    the API. `undone`: the id of the record that an `undo` takes back.
    """

    id: str
    seq: int
    at: str
    actor: str
    request: str
    grade: str
    criterion: str
    old: str | None
    new: str | None
    why: str
    action: Action = Action.RATE
    blind: bool = False
    shown_at: str | None = None
    undone: str | None = None


class Decision(Frozen):
    """A person's decision on a criterion, from the records of all grades of the same work.

    `rating`: None if there is none or all were undone. `comment`: the current one. `active`: the records that count,
    oldest first. `seq`: that of the last record, 0 without one; it identifies the revision.
    """

    rating: str | None = None
    comment: str = ""
    active: tuple[StoredOverride, ...] = ()
    seq: int = 0

    @property
    def deciding(self) -> StoredOverride | None:
        """The record that set the rating."""
        return next((each for each in reversed(self.active) if each.action is not Action.COMMENT), None)


def decision(records: Iterable[StoredOverride]) -> Decision:
    """`records`: of one criterion, oldest first."""
    active: list[StoredOverride] = []
    seq = 0
    for record in records:
        if record.action is Action.CONFLICT:
            continue
        seq = record.seq
        if record.action is Action.UNDO:
            active = [each for each in active if each.id != record.undone]
        else:
            active.append(record)
    rated = [each.new for each in active if each.action is not Action.COMMENT]
    # A page sends the complete comment with every record; the API's records leave the comment unless they have one.
    commented = [each.why for each in active if each.why or each.shown_at or each.action is Action.COMMENT]
    return Decision(
        rating=rated[-1] if rated else None,
        comment=commented[-1] if commented else "",
        active=tuple(active),
        seq=seq,
    )


def decisions(records: Iterable[StoredOverride]) -> dict[str, Decision]:
    """Criterion title -> decision. `records`: of the grades of one work, oldest first."""
    by_criterion: dict[str, list[StoredOverride]] = {}
    for record in records:
        by_criterion.setdefault(record.criterion, []).append(record)
    return {criterion: decision(each) for criterion, each in by_criterion.items()}


class History(Frozen):
    """A grade, its overrides, the lab at that time, and `regrades`: the student's other grades in it.

    `records`: the overrides of all grades of the same files, oldest first: a regrade leaves decisions current.
    `regrades` is empty for anonymous work.
    """

    grade: StoredGrade
    overrides: tuple[StoredOverride, ...]
    regrades: tuple[StoredGrade, ...]
    records: tuple[StoredOverride, ...]
    lab: Lab

    @property
    def decisions(self) -> dict[str, Decision]:
        """Criterion title -> decision."""
        return decisions(self.records)

    @property
    def ratings(self) -> dict[str, str | None]:
        """Criterion title -> current rating, None if ungraded; empty once the student was forgotten."""
        machine = self.grade.grade.criteria if self.grade.grade else ()
        decided = {title: each.rating for title, each in self.decisions.items() if each.rating is not None}
        return {each.criterion: decided.get(each.criterion, each.rating) for each in machine}


def read_overrides(connection: Connection, grade_id: str) -> list[StoredOverride]:
    """The overrides of a grade in the order they were made; empty once the student was forgotten."""
    rows = connection.execute(override_rows().where(overrides.c.grade == grade_id).order_by(overrides.c.seq))
    return [stored_override(row) for row in rows]


def read_work_overrides(connection: Connection, grade: StoredGrade) -> list[StoredOverride]:
    """The overrides of all grades of the same files of the same student in the same lab, oldest first."""
    of_student = grades.c.student == grade.student, grades.c.lab == grade.lab
    same = *of_student, grades.c.submission == grade.submission
    return [stored_override(row) for row in connection.execute(override_rows().where(*same).order_by(overrides.c.seq))]


def read_lab_overrides(
    connection: Connection, lab: str, students: Sequence[str]
) -> dict[tuple[str, str], list[StoredOverride]]:
    """(pseudonym, keyed hash of the submission) -> the overrides of all its grades in the lab, oldest first."""
    query = override_rows().where(grades.c.lab == lab).add_columns(grades.c.student, grades.c.submission)
    rows = select_in_batches(connection, query, grades.c.student, students)
    found: dict[tuple[str, str], list[StoredOverride]] = {}
    for row in sorted(rows, key=lambda row: row.seq):
        found.setdefault((row.student, row.submission), []).append(stored_override(row))
    return found


def override_rows() -> Select[Any]:
    """Overrides with their contents, and the grades they belong to."""
    return (
        select(overrides, contents.c.document)
        .join(grades, grades.c.id == overrides.c.grade)
        .join(contents, contents.c.hash == overrides.c.content)
    )


def stored_override(row: Row[Any]) -> StoredOverride:
    columns = ("id", "seq", "at", "actor", "request")
    return StoredOverride(**{c: getattr(row, c) for c in columns}, **json.loads(row.document))


def read_history(connection: Connection, grade_id: str) -> History:
    """Raises UnknownError if there is no grade with this id."""
    grade = read_grade(connection, grade_id)
    anonymous = is_anonymous(read_student(connection, grade.student).student)
    others = [] if anonymous else read_student_grades(connection, grade.student, grade.lab)
    return History(
        grade=grade,
        overrides=tuple(read_overrides(connection, grade_id)),
        regrades=tuple(each for each in others if each.id != grade_id),
        records=tuple(read_work_overrides(connection, grade)),
        lab=read_lab(connection, grade.rubric),
    )
