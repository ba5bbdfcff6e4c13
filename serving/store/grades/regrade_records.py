"""Records of students' regrade requests and of their answers, and reading them.

Texts are erased with the student, and the records are then left out.
"""

import json
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from labs_schema.frozen import Frozen
from serving.store.errors import ForgottenError, UnknownError
from serving.store.tables import contents, grades, regrade_answers, regrade_requests

COLUMNS = ("id", "seq", "at", "actor")


class Resolution(StrEnum):
    """`granted` gave the criterion a new rating by an override; `declined` left it."""

    GRANTED = "granted"
    DECLINED = "declined"


class RequestState(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"


class RegradeAnswer(Frozen):
    """`rating` is the new one and `override` its record, both None if the request was declined."""

    id: str
    seq: int
    at: str
    actor: str
    resolution: Resolution
    override: str | None
    rating: str | None
    text: str


class RegradeRequest(Frozen):
    """`student` is a pseudonym, `rating` that at the time of the request; None if the criterion was ungraded."""

    id: str
    seq: int
    at: str
    actor: str
    grade: str
    lab: str
    student: str
    criterion: str
    rating: str | None
    text: str
    answer: RegradeAnswer | None

    @property
    def state(self) -> RequestState:
        return RequestState.ANSWERED if self.answer else RequestState.OPEN


_answer_texts = contents.alias("answer_texts")


def request_rows() -> Select[Any]:
    """Requests whose student was not forgotten, with their answers."""
    answers = [column.label(f"answer_{column.name}") for column in regrade_answers.c]
    return (
        select(regrade_requests, grades.c.lab, grades.c.student, contents.c.document, *answers)
        .add_columns(_answer_texts.c.document.label("answer_document"))
        .join(grades, grades.c.id == regrade_requests.c.grade)
        .join(contents, contents.c.hash == regrade_requests.c.content)
        .outerjoin(regrade_answers, regrade_answers.c.regrade == regrade_requests.c.id)
        .outerjoin(_answer_texts, _answer_texts.c.hash == regrade_answers.c.content)
    )


def read_grade_requests(connection: Connection, grade_id: str) -> list[RegradeRequest]:
    query = request_rows().where(regrade_requests.c.grade == grade_id).order_by(regrade_requests.c.seq)
    return [stored_request(row) for row in connection.execute(query)]


def read_request(connection: Connection, regrade_id: str) -> RegradeRequest:
    row = connection.execute(request_rows().where(regrade_requests.c.id == regrade_id)).one_or_none()
    if row is not None:
        return stored_request(row)
    known = select(regrade_requests.c.id).where(regrade_requests.c.id == regrade_id)
    if connection.execute(known).first() is None:
        raise UnknownError(f"There is no regrade request {regrade_id!r}.")
    raise ForgottenError("The student of the regrade request was forgotten.")


def stored_request(row: Row[Any]) -> RegradeRequest:
    texts, answer = json.loads(row.document), None
    if row.answer_id is not None:
        answered = json.loads(row.answer_document)
        own = {name: getattr(row, f"answer_{name}") for name in (*COLUMNS, "resolution", "override")}
        answer = RegradeAnswer(**own, rating=answered["rating"], text=answered["text"])
    return RegradeRequest(
        **{name: getattr(row, name) for name in (*COLUMNS, "grade", "lab", "student")},
        **{name: texts[name] for name in ("criterion", "rating", "text")},
        answer=answer,
    )
