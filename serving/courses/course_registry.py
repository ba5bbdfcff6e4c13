"""The registered model of each course, stored append-only: every decision is a row and an audit entry."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, func, insert, select

from labs_schema.frozen import Frozen
from serving.courses.errors import UnknownCourseError
from serving.store.database import Database
from serving.store.ledger import Detail, Ledger, audited_transaction, printable_name
from serving.store.tables import courses


class ModelFacts(Frozen):
    """Identifies a model. Hashes are SHA-256 in hexadecimal; `calibration_hash` is None without a calibration."""

    base_model: str
    licence: str | None
    model_hash: str
    tokenizer_hash: str
    prompt_hash: str
    calibration_hash: str | None


class Registration(Frozen):
    """`model` is an absolute path on the serving machines, `labs` that of the folder of the course's labs, or None.

    `seq` grows with every registration, even of the same path.
    """

    seq: int
    at: str
    course: str
    model: str
    labs: str | None
    facts: ModelFacts


FACT_NAMES = {
    "base_model": "base model",
    "model_hash": "weights",
    "tokenizer_hash": "tokenizer",
    "prompt_hash": "prompts",
    "calibration_hash": "calibration",
}


def differences(registered: ModelFacts, found: ModelFacts) -> list[str]:
    """Names of the facts that differ, without paths."""
    return [name for field, name in FACT_NAMES.items() if getattr(registered, field) != getattr(found, field)]


class CourseRegistry:
    """Thread-safe. `actor` is the user of this machine who decided."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, course: str, model: str, labs: str | None, facts: ModelFacts, *, actor: str) -> Registration:
        """Replaces the course's model from now on. Raises BadNameError for unprintable names or paths."""
        paths = {"model": printable_name(model), "labs": labs and printable_name(labs)}
        with audited_transaction(self._database) as ledger:
            seq, at = ledger.seq, ledger.at
            _append(ledger, actor, course, {**paths, **facts.model_dump()})
        return Registration(seq=seq, at=at, course=course, model=model, labs=labs, facts=facts)

    def remove(self, course: str, *, actor: str) -> None:
        """Removes the course's model from now on. Raises UnknownCourseError if it has none."""
        with audited_transaction(self._database) as ledger:
            if course not in _current(ledger.connection.execute(LAST_ROWS)):
                raise UnknownCourseError(f"There is no course {course!r}. List the courses with: grader courses list")
            _append(ledger, actor, course, {})

    def registered(self) -> Mapping[str, Registration]:
        """Course -> current registration, sorted by name."""
        with self._database.reading() as connection:
            return _current(connection.execute(LAST_ROWS))


LAST_ROWS = (
    select(courses)
    .where(courses.c.seq.in_(select(func.max(courses.c.seq)).group_by(courses.c.course)))
    .order_by(courses.c.course)
)


def _append(ledger: Ledger, actor: str, course: str, values: Detail) -> None:
    row: Detail = dict.fromkeys(courses.c.keys()) | values
    row |= {"seq": ledger.seq, "at": ledger.at, "course": printable_name(course)}
    ledger.connection.execute(insert(courses).values(row))
    ledger.append("course", actor, row)


def _current(rows: Any) -> dict[str, Registration]:
    return {row.course: _registration(row) for row in rows if row.model is not None}


def _registration(row: Row[Any]) -> Registration:
    facts = ModelFacts(**{name: getattr(row, name) for name in ModelFacts.model_fields})
    return Registration(seq=row.seq, at=row.at, course=row.course, model=row.model, labs=row.labs, facts=facts)
