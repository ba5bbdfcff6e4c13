"""The register of courses in the store: every decision about a course's model is a row and an audit entry."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, func, insert, select

from serving.courses.errors import UnknownCourseError
from serving.courses.registration import ModelFacts, Registration
from serving.store.database import Database
from serving.store.ledger import Detail, Ledger, audited_transaction, printable_name
from serving.store.tables import courses


class CourseRegistry:
    """Registrations by course, from any thread. `actor` is who decided: a user of this machine."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database, self._now = database, now

    def add(self, course: str, model: str, labs: str | None, facts: ModelFacts, *, actor: str) -> Registration:
        """From now on `course` uses `model`, whatever it used before. Raises BadNameError for no plain text."""
        with audited_transaction(self._database, self._now()) as ledger:
            seq, at = ledger.seq, ledger.at
            _enter(
                ledger,
                actor,
                course,
                {"model": printable_name(model), "labs": labs and printable_name(labs), **facts.model_dump()},
            )
        return Registration(seq=seq, at=at, course=course, model=model, labs=labs, facts=facts)

    def remove(self, course: str, *, actor: str) -> None:
        """From now on `course` has no model. Raises UnknownCourseError where it has none."""
        with audited_transaction(self._database, self._now()) as ledger:
            if course not in _current(ledger.connection.execute(LAST)):
                raise UnknownCourseError(f"There is no course {course!r}. grader courses list shows those there are.")
            _enter(ledger, actor, course, {})

    def registered(self) -> Mapping[str, Registration]:
        """Course -> what it uses now, by name."""
        with self._database.reading() as connection:
            return _current(connection.execute(LAST))


LAST = (
    select(courses)
    .where(courses.c.seq.in_(select(func.max(courses.c.seq)).group_by(courses.c.course)))
    .order_by(courses.c.course)
)


def _enter(ledger: Ledger, actor: str, course: str, values: Detail) -> None:
    row: Detail = dict.fromkeys(courses.c.keys()) | values
    row |= {"seq": ledger.seq, "at": ledger.at, "course": printable_name(course)}
    ledger.connection.execute(insert(courses).values(row))
    ledger.append("course", actor, row)


def _current(rows: Any) -> dict[str, Registration]:
    return {row.course: _registration(row) for row in rows if row.model is not None}


def _registration(row: Row[Any]) -> Registration:
    facts = ModelFacts(**{name: getattr(row, name) for name in ModelFacts.model_fields})
    return Registration(seq=row.seq, at=row.at, course=row.course, model=row.model, labs=row.labs, facts=facts)
