"""Answers to doubts about a rubric, and what became of each. Append-only.

The grades that an answer would give are stored under a lab name of their own, so that they do not become a student's
current grade before a person applies them. No folder can have that name: it contains a slash.
"""

import json
import secrets
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_hash, canonical_json
from serving.store.database import Database, select_in_batches
from serving.store.errors import UnknownError
from serving.store.ledger import Ledger, audited_transaction, printable_name
from serving.store.review.tables import clarification_events, clarifications
from serving.store.tables import grades, students

MARK = "/clarification/"


class Event(StrEnum):
    """`applying`: recorded before the rubric is changed, so that an interrupted application is resumed."""

    APPLYING = "applying"
    APPLIED = "applied"
    DISCARDED = "discarded"


class Clarification(Frozen):
    """`text` is to be added to the criterion of this title. `grades`: ids of the grades that are graded again by the
    job `job`. `last`: the last event, None while it is a proposal; `by` and `since`: its author and time."""

    id: str
    seq: int
    at: str
    actor: str
    course: str
    lab: str
    job: str
    criterion: str
    text: str
    grades: tuple[str, ...]
    last: Event | None = None
    by: str = ""
    since: str = ""

    @property
    def proposal(self) -> str:
        """The lab name of its proposed grades."""
        return f"{self.lab}{MARK}{self.id}"


def is_proposal(lab: str) -> bool:
    return MARK in lab


class Clarifications:
    """Thread-safe. Every method that writes is one audited transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        place: tuple[str, str],
        criterion: str,
        text: str,
        concerned: Sequence[str],
        *,
        request: str,
        actor: str,
    ) -> Clarification:
        """Appends an answer. `place`: course and lab. `concerned`: grade ids. Idempotent per request."""
        document = canonical_json({"criterion": criterion, "text": text, "grades": list(concerned)})
        with audited_transaction(self._database) as ledger:
            connection = ledger.connection
            known = connection.execute(select(clarifications.c.id).where(clarifications.c.request == request)).scalar()
            if known is not None:
                return read_clarification(connection, known)
            row = ledger.new_row(
                actor,
                request=printable_name(request),
                course=printable_name(place[0]),
                lab=printable_name(place[1]),
                job=secrets.token_hex(8),
                version=canonical_hash(json.loads(document)),
            )
            connection.execute(insert(clarifications).values(**row, document=document))
            ledger.append("clarification", actor, row)
            return read_clarification(connection, str(row["id"]))

    def of_request(self, request: str) -> Clarification | None:
        """The answer that a request appended."""
        with self._database.reading() as connection:
            known = connection.execute(select(clarifications.c.id).where(clarifications.c.request == request)).scalar()
            return None if known is None else read_clarification(connection, known)

    def record(self, clarification: str, event: Event, *, actor: str) -> bool:
        """Appends an event; idempotent. False if an earlier event excludes it: an answer that was discarded is not
        applied, and one that was applied is not discarded. Raises UnknownError."""
        with audited_transaction(self._database) as ledger:
            return record_event(ledger, clarification, event, actor)

    def read(self, clarification: str) -> Clarification:
        """Raises UnknownError."""
        with self._database.reading() as connection:
            return read_clarification(connection, clarification)

    def of_lab(self, course: str, lab: str) -> list[Clarification]:
        """The newest first."""
        mine = clarifications.c.course == course, clarifications.c.lab == lab
        query = select(clarifications.c.id).where(*mine).order_by(clarifications.c.seq.desc())
        with self._database.reading() as connection:
            return [read_clarification(connection, each) for each in connection.execute(query).scalars().all()]

    def students(self, clarification: Clarification) -> set[str]:
        """The ids of the students of its grades, without forgotten ones."""
        query = select(grades.c.id, students.c.student).join(students, students.c.pseudonym == grades.c.student)
        with self._database.reading() as connection:
            rows = select_in_batches(connection, query, grades.c.id, clarification.grades)
        return {row.student for row in rows if row.student is not None}


def record_event(ledger: Ledger, clarification: str, event: Event, actor: str) -> bool:
    """See `Clarifications.record`."""
    found = read_clarification(ledger.connection, clarification)
    if found.last is event:
        return True
    if found.last in (Event.APPLIED, Event.DISCARDED):
        return found.last is Event.APPLIED and event is Event.APPLYING
    ledger.insert(clarification_events, "clarification-event", actor, clarification=clarification, event=event.value)
    return True


def replaceable(connection: Connection, found: Clarification, pseudonyms: Sequence[str]) -> set[str]:
    """The students whose current grade is one that the answer concerns, or one from before the answer if they are
    other members of a group. A newer grade is never replaced."""
    query = select(grades.c.id, grades.c.seq, grades.c.student).order_by(grades.c.seq)
    mine = query.where(grades.c.lab == found.lab)
    concerned = {row.student for row in select_in_batches(connection, query, grades.c.id, found.grades)}
    newest = {row.student: row for row in select_in_batches(connection, mine, grades.c.student, pseudonyms)}
    return {
        student
        for student in pseudonyms
        if (row := newest.get(student)) is None
        or (row.id in found.grades if student in concerned else row.seq < found.seq)
    }


def read_clarification(connection: Connection, clarification: str) -> Clarification:
    """Raises UnknownError."""
    row = connection.execute(select(clarifications).where(clarifications.c.id == clarification)).one_or_none()
    if row is None:
        raise UnknownError(f"There is no clarification {clarification!r}.")
    events = clarification_events.c
    query = select(clarification_events).where(events.clarification == clarification).order_by(events.seq)
    return _stored(row, list(connection.execute(query)))


def _stored(row: Row[Any], events: Sequence[Row[Any]]) -> Clarification:
    last = {"last": events[-1].event, "by": events[-1].actor, "since": events[-1].at} if events else {}
    columns = ("id", "seq", "at", "actor", "course", "lab", "job")
    return Clarification(**{name: getattr(row, name) for name in columns}, **json.loads(row.document), **last)
