"""What a person decided otherwise: who, when, from which rating to which, and why. Appended; the grade stays."""

import json
import secrets

from sqlalchemy import Connection, insert, select

from labs_schema.frozen import Frozen
from serving.store.errors import ForgottenError, UnknownError
from serving.store.grades import read_grade, read_lab
from serving.store.ledger import Detail, Ledger, plain
from serving.store.students import content, keep, secrets_of
from serving.store.tables import contents, overrides


class StoredOverride(Frozen):
    """`old` is the rating in force before, None where the criterion was ungraded. All texts go with the student."""

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


def override(
    ledger: Ledger, grade_id: str, criterion: str, rating: str, why: str, *, request: str, actor: str
) -> StoredOverride:
    """Appends an override, or returns the one that this request has made of this criterion already.

    Raises UnknownError where there is no such grade, criterion or rating, ForgottenError where the student is gone.
    """
    connection, found = ledger.connection, read_grade(ledger.connection, grade_id)
    if found.grade is None or (secret := secrets_of(connection, [found.student])[found.student]) is None:
        raise ForgottenError(f"The student of grade {grade_id} was forgotten; there is nothing left to override.")
    criteria = read_lab(connection, found.rubric).criteria
    place = next((i for i, each in enumerate(criteria) if each.title == criterion), None)
    titles = [each.title for each in (criteria if place is None else criteria[place].ratings)]
    if place is None or rating not in titles:
        what = "criterion" if place is None else f"rating of {criterion!r}"
        raise UnknownError(f"The rubric of grade {grade_id} has no such {what}. It has {', '.join(map(repr, titles))}.")
    earlier = [each for each in read_overrides(connection, grade_id) if each.criterion == criterion]
    if done := [each for each in earlier if each.request == request]:
        return done[0]
    [machine] = [each.rating for each in found.grade.criteria if each.criterion == criterion]
    said = {
        "grade": grade_id,
        "criterion": criterion,
        "old": earlier[-1].new if earlier else machine,
        "new": rating,
        "why": why,
    }
    written = content(found.student, secret, said)
    entered: Detail = {
        "id": secrets.token_hex(16),
        "seq": ledger.seq,
        "at": ledger.at,
        "actor": actor,
        "request": plain(request),
        "grade": grade_id,
        "position": place,
        "content": written.hash,
    }
    keep(connection, [written])
    connection.execute(insert(overrides).values(entered))
    ledger.append("override", actor, entered)
    return StoredOverride.model_validate({**{k: entered[k] for k in ("id", "seq", "at", "actor", "request")}, **said})


def read_overrides(connection: Connection, grade_id: str) -> list[StoredOverride]:
    """The overrides of a grade in the order they were made; none once the student was forgotten."""
    rows = connection.execute(
        select(overrides, contents.c.document)
        .join(contents, contents.c.hash == overrides.c.content)
        .where(overrides.c.grade == grade_id)
        .order_by(overrides.c.seq)
    )
    return [
        StoredOverride(
            id=row.id, seq=row.seq, at=row.at, actor=row.actor, request=row.request, **json.loads(row.document)
        )
        for row in rows
    ]
