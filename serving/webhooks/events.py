"""Messages from the audit log: every endpoint has a cursor, and each entry after it may be an event.

The log has no gaps and one writer at a time, so that an event is neither missed nor sent for work that was rolled back.
"""

import json
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, String, case, cast, exists, select, update

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_json
from labs_schema.limits import WebhookLimits
from serving.jobs.tables import jobs
from serving.store.database import insert_new
from serving.store.grades.grades import read_grade
from serving.store.ledger import timestamp
from serving.store.platforms.webhook_tables import endpoints, messages
from serving.store.review.clarifications import is_proposal
from serving.store.store import Store
from serving.store.students import read_student
from serving.store.tables import audit, regrade_requests

LIMITS = WebhookLimits()
GRADE_EVENTS = {
    "override": "grade.overridden",
    "regrade-request": "regrade.requested",
}
DELIVERY_EVENTS = {"conflict": "delivery.conflict", "failed": "delivery.failed"}


class Event(Frozen):
    """`data` has ids only: the receiver fetches the rest with its API key."""

    type: str
    at: str
    subject: str
    course: str
    data: dict[str, Any]

    @property
    def body(self) -> str:
        return canonical_json({"type": self.type, "timestamp": self.at, "data": self.data})


def make_messages(store: Store, now: datetime) -> int:
    """Makes the messages for everything that happened since the last call, due `now`; returns their number."""
    made = 0
    with store.database.reading() as connection:
        active = connection.execute(select(endpoints).where(endpoints.c.disabled_at.is_(None))).all()
        news = [each for each in active if _has_news(connection, each)]
    for endpoint in news:  # only then, because a transaction that writes blocks the others
        with store.database.writing() as connection:
            entries = _entries(connection, endpoint.cursor)
            found = [event for each in entries if (event := _event(connection, each)) is not None]
            for event in (*found, *_finished_jobs(connection, endpoint)):
                if event.type in endpoint.events.split() and endpoint.course in (None, event.course):
                    made += _insert(connection, endpoint.id, event, timestamp(now))
            if entries:
                moved = update(endpoints).where(endpoints.c.id == endpoint.id, endpoints.c.cursor < entries[-1].seq)
                connection.execute(moved.values(cursor=entries[-1].seq))
    return made


def _has_news(connection: Connection, endpoint: Row[Any]) -> bool:
    later = select(audit.c.seq).where(audit.c.seq > endpoint.cursor).limit(1)
    return connection.execute(later).first() is not None or bool(_finished_jobs(connection, endpoint))


def _entries(connection: Connection, cursor: int) -> list[Row[Any]]:
    query = select(audit).where(audit.c.seq > cursor).order_by(audit.c.seq).limit(LIMITS.entries_per_look)
    return list(connection.execute(query))


def _event(connection: Connection, entry: Row[Any]) -> Event | None:
    """None for an entry that is not an event, or about a student who was forgotten since."""
    detail = json.loads(entry.detail)
    grade_id = detail.get("id") if entry.event == "grade" else detail.get("grade")
    kind = GRADE_EVENTS.get(entry.event)
    if entry.event == "delivery":
        kind = DELIVERY_EVENTS.get(detail["event"])
    elif entry.event == "regrade-answer":
        kind = "regrade.answered"
        grade_id = grade_id or _grade_of_request(connection, detail.get("regrade"))
    if (kind is None and entry.event != "grade") or grade_id is None:
        return None
    found = read_grade(connection, grade_id)
    if found.grade is None or is_proposal(found.lab):
        return None
    accepted = all(each.status == "accepted" for each in found.grade.criteria)
    kind = kind or ("grade.accepted" if accepted else "grade.needs_review")
    course = read_student(connection, found.student).course
    data = {"course": course, "lab": found.lab, "grade": found.id}
    return Event(type=kind, at=entry.at, subject=f"{kind}:{entry.seq}", course=course, data=data)


def _grade_of_request(connection: Connection, request: str | None) -> str | None:
    query = select(regrade_requests.c.grade).where(regrade_requests.c.id == request)
    return connection.execute(query).scalar_one_or_none()


def _finished_jobs(connection: Connection, endpoint: Row[Any]) -> list[Event]:
    """The jobs without a message, the oldest first. A finished job is not an audit entry. One that is resumed and
    finishes again is another event."""
    kind = case((jobs.c.failure.is_(None), "job.completed"), else_="job.failed")
    subject = kind + ":" + jobs.c.id + ":" + cast(jobs.c.generation, String)
    known = exists().where(messages.c.endpoint == endpoint.id, messages.c.subject == subject)
    query = select(jobs, kind.label("kind"), subject.label("subject")).where(
        jobs.c.finished_at > endpoint.since, kind.in_(endpoint.events.split()), ~known
    )
    if endpoint.course is not None:
        query = query.where(jobs.c.course == endpoint.course)
    rows = connection.execute(query.order_by(jobs.c.finished_at).limit(LIMITS.entries_per_look)).all()
    return [_job_event(row) for row in rows]


def _job_event(job: Row[Any]) -> Event:
    data = {"course": job.course, "lab": job.lab, "job": job.id}
    return Event(type=job.kind, at=job.finished_at, subject=job.subject, course=job.course, data=data)


def _insert(connection: Connection, endpoint: str, event: Event, due: str) -> int:
    """0 if the endpoint has this message already."""
    row = {"id": f"msg_{secrets.token_hex(12)}", "endpoint": endpoint, "at": event.at, "event": event.type}
    return insert_new(
        connection, messages, [{**row, "subject": event.subject, "body": event.body, "attempts": 0, "due_at": due}]
    )
