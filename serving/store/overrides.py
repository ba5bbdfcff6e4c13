"""Human decisions on top of machine grades, and the complete history of a grade. Both are append-only."""

import json
import secrets

from sqlalchemy import Connection, insert, select

from labs_schema.frozen import Frozen
from labs_schema.models import Criterion, Lab
from serving.store.contents import make_content, store_contents
from serving.store.errors import ForgottenError, UnknownError
from serving.store.grades import StoredGrade, read_grade, read_lab, read_student_grades
from serving.store.ledger import Detail, Ledger, printable_name
from serving.store.students import is_anonymous, read_secrets, read_student
from serving.store.tables import contents, overrides


class StoredOverride(Frozen):
    """`old` is the previous rating, None if the criterion was ungraded. All texts are erased with the student."""

    id: str
    seq: int
    at: str
    actor: str
    request: str
    grade: str
    criterion: str
    old: str | None
    new: str
    why: str


class History(Frozen):
    """A grade, its overrides, the lab at that time, and `regrades`: the student's other grades in it.

    `regrades` is empty for anonymous work.
    """

    grade: StoredGrade
    overrides: tuple[StoredOverride, ...]
    regrades: tuple[StoredGrade, ...]
    lab: Lab

    @property
    def ratings(self) -> dict[str, str | None]:
        """Criterion title -> current rating, None if ungraded; empty once the student was forgotten."""
        machine = self.grade.grade.criteria if self.grade.grade else ()
        return {each.criterion: each.rating for each in machine} | {o.criterion: o.new for o in self.overrides}


def record_override(
    ledger: Ledger, grade_id: str, criterion: str, rating: str, why: str, *, request: str, actor: str
) -> StoredOverride:
    """See `Store.record_override`."""
    connection, found = ledger.connection, read_grade(ledger.connection, grade_id)
    if found.grade is None or (secret := read_secrets(connection, [found.student])[found.student]) is None:
        raise ForgottenError(f"The student of grade {grade_id} was forgotten; there is nothing to override.")
    position = _position(criterion, rating, read_lab(connection, found.rubric).criteria)
    earlier = [each for each in read_overrides(connection, grade_id) if each.criterion == criterion]
    if same := [each for each in earlier if each.request == request]:
        return same[0]
    [machine] = [each.rating for each in found.grade.criteria if each.criterion == criterion]
    old = earlier[-1].new if earlier else machine
    texts = {"grade": grade_id, "criterion": criterion, "old": old, "new": rating, "why": why}
    content = make_content(found.student, secret, texts)
    row: Detail = {
        "id": secrets.token_hex(16),
        "seq": ledger.seq,
        "at": ledger.at,
        "actor": actor,
        "request": printable_name(request),
        "grade": grade_id,
        "position": position,
        "content": content.hash,
    }
    store_contents(connection, [content])
    connection.execute(insert(overrides).values(row))
    ledger.append("override", actor, row)
    return StoredOverride.model_validate({**{k: row[k] for k in ("id", "seq", "at", "actor", "request")}, **texts})


def _position(criterion: str, rating: str, criteria: tuple[Criterion, ...]) -> int:
    """The position of the criterion in the rubric. Raises UnknownError for an unknown criterion or rating."""
    position = next((i for i, each in enumerate(criteria) if each.title == criterion), None)
    titles = [each.title for each in (criteria if position is None else criteria[position].ratings)]
    if position is None or rating not in titles:
        kind = "criterion" if position is None else f"rating of {criterion!r}"
        allowed = ", ".join(map(repr, titles))
        raise UnknownError(f"The rubric of this grade has no such {kind}. Expected one of {allowed}.")
    return position


def read_overrides(connection: Connection, grade_id: str) -> list[StoredOverride]:
    """The overrides of a grade in the order they were made; empty once the student was forgotten."""
    rows = connection.execute(
        select(overrides, contents.c.document)
        .join(contents, contents.c.hash == overrides.c.content)
        .where(overrides.c.grade == grade_id)
        .order_by(overrides.c.seq)
    )
    columns = ("id", "seq", "at", "actor", "request")
    return [StoredOverride(**{c: getattr(row, c) for c in columns}, **json.loads(row.document)) for row in rows]


def read_history(connection: Connection, grade_id: str) -> History:
    """Raises UnknownError if there is no grade with this id."""
    grade = read_grade(connection, grade_id)
    anonymous = is_anonymous(read_student(connection, grade.student).student)
    others = [] if anonymous else read_student_grades(connection, grade.student, grade.lab)
    return History(
        grade=grade,
        overrides=tuple(read_overrides(connection, grade_id)),
        regrades=tuple(each for each in others if each.id != grade_id),
        lab=read_lab(connection, grade.rubric),
    )
