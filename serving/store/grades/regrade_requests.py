"""Students' regrade requests on criteria, and their answers. Append-only.

A request is open until it is answered, once. A criterion of a grade has at most one open request.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from labs_schema.errors import GraderError
from labs_schema.limits import RegradeRequestLimits
from serving.store.contents import make_content, store_contents
from serving.store.database import Database
from serving.store.errors import ForgottenError, UnknownError
from serving.store.grades.choices import Choice, record_choices
from serving.store.grades.overrides import read_history
from serving.store.grades.regrade_records import (
    RegradeRequest,
    RequestState,
    Resolution,
    read_grade_requests,
    read_request,
    request_rows,
    stored_request,
)
from serving.store.ledger import Detail, audited_transaction, printable_name
from serving.store.students import read_secrets
from serving.store.tables import contents, grades, regrade_answers, regrade_requests, students

LIMITS = RegradeRequestLimits()


class RegradeRequestError(GraderError):
    """A request that its state does not allow: a second open one, one too many, or a second answer (HTTP 409)."""

    code = "regrade-request-refused"


class RegradeRequests:
    """The regrade requests of a store. Every method that writes is one audited transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(self, grade_id: str, criterion: str, text: str, *, request: str, actor: str) -> RegradeRequest:
        """Appends a request about a criterion's current rating. Idempotent per `request` and criterion.

        Raises UnknownError for an unknown grade or criterion, ForgottenError, RegradeRequestError.
        """
        with audited_transaction(self._database) as ledger:
            connection, history = ledger.connection, read_history(ledger.connection, grade_id)
            student = history.grade.student
            if (secret := read_secrets(connection, [student])[student]) is None:
                raise ForgottenError(f"The student of grade {grade_id} was forgotten.")
            titles = [each.title for each in history.lab.criteria]
            if criterion not in titles:
                expected = ", ".join(titles)
                raise UnknownError(f"The rubric of this grade has no such criterion. Expected one of {expected}.")
            position = titles.index(criterion)
            if same := _recorded(connection, grade_id, position, request):
                return read_request(connection, same)
            _check_state([each for each in read_grade_requests(connection, grade_id) if each.criterion == criterion])
            texts = {"criterion": criterion, "rating": history.ratings.get(criterion), "text": text}
            content = make_content(student, secret, texts)
            store_contents(connection, [content])
            values: Detail = {"request": printable_name(request), "grade": grade_id, "position": position}
            made = ledger.insert(regrade_requests, "regrade-request", actor, **values, content=content.hash)
            return read_request(connection, made)

    def answer(
        self,
        regrade_id: str,
        rating: str | None,
        text: str,
        *,
        members: Sequence[str] = (),
        request: str,
        actor: str,
    ) -> RegradeRequest:
        """Grants the request by an override with `rating`, or declines it with None, in one transaction. Idempotent
        per `request`.

        `members`: the other members' grades of the same group work, which get the same override. Raises UnknownError
        for an unknown request or rating, ForgottenError, RegradeRequestError if another request answered it.
        """
        with audited_transaction(self._database) as ledger:
            connection, found = ledger.connection, read_request(ledger.connection, regrade_id)
            if found.answer:
                by = select(regrade_answers.c.request).where(regrade_answers.c.regrade == regrade_id)
                if connection.execute(by).scalar_one() == request:
                    return found
                raise RegradeRequestError("The regrade request was answered before.", code="regrade-request-answered")
            override = None
            if rating is not None:
                choice = Choice(grade=found.grade, criterion=found.criterion, rating=rating, comment=text)
                theirs = {found.grade: members}
                [made] = record_choices(ledger, [choice], members=theirs, request=request, actor=actor)
                override = made.record.id
            secret = read_secrets(connection, [found.student])[found.student]
            content = make_content(found.student, str(secret), {"answers": regrade_id, "rating": rating, "text": text})
            store_contents(connection, [content])
            ledger.insert(
                regrade_answers,
                "regrade-answer",
                actor,
                request=printable_name(request),
                regrade=regrade_id,
                resolution=(Resolution.DECLINED if rating is None else Resolution.GRANTED).value,
                override=override,
                content=content.hash,
            )
            return read_request(connection, regrade_id)

    def read(self, regrade_id: str) -> RegradeRequest:
        """Raises UnknownError, ForgottenError."""
        with self._database.reading() as connection:
            return read_request(connection, regrade_id)

    def of_grade(self, grade_id: str) -> list[RegradeRequest]:
        """The requests about a grade, oldest first; none once the student was forgotten."""
        with self._database.reading() as connection:
            return read_grade_requests(connection, grade_id)

    def open_counts(self, course: str) -> dict[str, int]:
        """Lab -> number of open requests of the course, without labs that have none."""
        query = (
            select(grades.c.lab, func.count().label("open"))
            .select_from(regrade_requests)
            .join(grades, grades.c.id == regrade_requests.c.grade)
            .join(students, students.c.pseudonym == grades.c.student)
            .join(contents, contents.c.hash == regrade_requests.c.content)
            .outerjoin(regrade_answers, regrade_answers.c.regrade == regrade_requests.c.id)
            .where(students.c.course == course, regrade_answers.c.id.is_(None))
            .group_by(grades.c.lab)
        )
        with self._database.reading() as connection:
            return {row.lab: row.open for row in connection.execute(query)}

    def queue(
        self, course: str, *, lab: str | None = None, state: RequestState | None = None, after: int = 0, limit: int
    ) -> list[RegradeRequest]:
        """Requests of a course with `seq` above `after`, oldest first, at most `limit`."""
        query = (
            request_rows().join(students, students.c.pseudonym == grades.c.student).where(students.c.course == course)
        )
        query = query.where(regrade_requests.c.seq > after)
        query = query if lab is None else query.where(grades.c.lab == lab)
        if state is not None:
            is_open = regrade_answers.c.id.is_(None)
            query = query.where(is_open if state is RequestState.OPEN else ~is_open)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(regrade_requests.c.seq).limit(limit))
            return [stored_request(row) for row in rows]


def _check_state(earlier: Sequence[RegradeRequest]) -> None:
    if any(each.state is RequestState.OPEN for each in earlier):
        raise RegradeRequestError("The criterion has an open regrade request.", code="regrade-request-open")
    if len(earlier) >= LIMITS.per_criterion:
        raise RegradeRequestError(
            f"The criterion has had {len(earlier)} regrade requests.", code="too-many-regrade-requests"
        )


def _recorded(connection: Connection, grade_id: str, position: int, request: str) -> str | None:
    """The id of the regrade request that `request` recorded before."""
    table = regrade_requests.c
    same = table.grade == grade_id, table.position == position, table.request == request
    return connection.execute(select(table.id).where(*same)).scalar_one_or_none()
