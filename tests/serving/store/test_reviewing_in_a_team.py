"""The records of reviewing in a team: append-only, verified, idempotent, and consistent when TAs act at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from serving.review.index import LabReview, ReviewIndex
from serving.review.team.snippets import Snippets
from serving.review.team.team import Marking, NewAssignment, Team
from serving.store.access.roles import Role
from serving.store.errors import StoreError
from serving.store.review.clarifications import Clarifications, Event
from serving.store.review.tables import assignments, clarification_events, clarifications, second_ratings, snippets
from serving.store.store import Store
from tests.serving.store.test_verification import found

PLACE = "cs101", "lab1"
COMPILES, READABLE = "Does it compile?", "Is it readable?"
APPEND_ONLY = [assignments, second_ratings, clarifications, clarification_events]


class Reviewed:
    """Three students with a grade each, and two TAs, whose key ids are `tas`. Every table has rows."""

    def __init__(self, store: Store, hand: Any) -> None:
        self.store, self.team = store, Team(store.database)
        self.clarifications, self.snippets = Clarifications(store.database), Snippets(store.database)
        students = [store.pseudonym_for("cs101", name, actor="api") for name in ("s1", "s2", "s3")]
        self.grades = [hand.grade(store, each, request="job") for each in students]
        self.tas = [store.create_key(name, Role.TA, "cs101", actor="admin")[1].id for name in ("Ada", "Ben")]
        self.assign(self.tas[0], Marking.FIRST, "first")
        self.assign(self.tas[1], Marking.SECOND, "second")
        assert self.rate("rating")
        for number, shared in enumerate((True, False)):
            assert self.snippets.add("cs101", f"Text {number}.", shared=shared, request=f"snippet{number}", actor="ta")
        removed = self.snippets.of("cs101", "ta")[0]
        self.snippets.remove("cs101", removed.id, any_of_course=False, actor="ta")
        self.answer = self.clarifications.add(PLACE, COMPILES, "So.", self.grades, request="answer", actor="ta")
        assert self.clarifications.record(self.answer.id, Event.APPLYING, actor="ta")
        assert store.verify().faults == ()

    def assign(self, ta: str | None, marking: Marking, request: str, known: int | None = None) -> list[str]:
        known = self.store.verify().entries if known is None else known
        new = [NewAssignment(grade=each, ta=ta, known=known) for each in self.grades]
        return self.team.assign(new, marking, request=request, actor=self.tas[0])

    def rate(self, request: str, rating: str = "A", grade: int = 0) -> bool:
        given = {COMPILES: rating, READABLE: rating}
        return self.team.rate(self.grades[grade], given, "Secret words.", request=request, actor=self.tas[1])

    def review(self) -> LabReview:
        return ReviewIndex(self.store.database).lab(*PLACE)

    def assigned(self, marking: Marking = Marking.FIRST) -> list[str | None]:
        review = self.review()
        return [review.ta(review.items[each], marking) for each in self.grades]


@pytest.fixture
def reviewed(store: Store, hand: Any) -> Reviewed:
    return Reviewed(store, hand)


def test_change_of_any_cell_is_found(reviewed: Reviewed) -> None:
    for table in (*APPEND_ONLY, snippets):
        with reviewed.store.database.reading() as connection:
            rows = connection.execute(table.select().order_by(table.c.seq)).all()
        for column in table.columns:
            row = next((each for each in rows if getattr(each, column.name) is not None), None)
            assert row is not None, column
            other = 77 if column.name == "seq" else "77"
            change = f"UPDATE {table.name} SET {column.name} = ? WHERE id = ?"
            assert found(reviewed.store, (change, (other, row.id))), column
        assert found(reviewed.store, (f"DELETE FROM {table.name} WHERE id = ?", (rows[0].id,))), table


@pytest.mark.parametrize("table", APPEND_ONLY, ids=str)
def test_triggers_refuse_to_change_history(reviewed: Reviewed, table: Any) -> None:
    for change in (f"UPDATE {table.name} SET actor = 'x'", f"DELETE FROM {table.name}"):
        with pytest.raises((DBAPIError, StoreError)), reviewed.store.database.writing() as connection:
            connection.execute(text(change))
    assert reviewed.store.verify().faults == ()


def test_retries_record_nothing_new(reviewed: Reviewed) -> None:
    reviewed.assign(None, Marking.FIRST, "removed")
    before = reviewed.store.verify().head
    assert reviewed.assign(reviewed.tas[0], Marking.FIRST, "first", known=0) == []
    assert reviewed.team.assigned_by("first") == 3 and reviewed.assigned() == [None] * 3
    assert (
        reviewed.rate("rating") and not reviewed.rate("another") and reviewed.team.has_rated("rating", reviewed.tas[1])
    )
    assert reviewed.snippets.add("cs101", "Other.", shared=True, request="snippet0", actor="ta")
    again = reviewed.clarifications.add(PLACE, COMPILES, "So.", reviewed.grades, request="answer", actor="ta")
    assert again == reviewed.clarifications.of_request("answer")
    assert reviewed.clarifications.record(reviewed.answer.id, Event.APPLYING, actor="ta")
    assert reviewed.store.verify().head == before


def test_the_same_files_are_rated_once_also_under_a_newer_grade(reviewed: Reviewed, hand: Any) -> None:
    student = reviewed.store.read_history(reviewed.grades[0]).grade.student
    reviewed.grades[0] = hand.grade(reviewed.store, student, request="job2")
    assert not reviewed.rate("another") and reviewed.rate("rating")
    reviewed.grades[0] = hand.grade(reviewed.store, student, request="job3", text="int main(void) { return 1; }\n")
    assert reviewed.rate("new files")


def test_the_last_assignment_counts(reviewed: Reviewed) -> None:
    for number in range(6):
        ta = [reviewed.tas[1], None, reviewed.tas[0]][number % 3]
        reviewed.assign(ta, Marking.FIRST, f"change {number}")
        reviewed.assign(None if ta else reviewed.tas[1], Marking.SECOND, f"second change {number}")
        assert reviewed.assigned() == [ta] * 3
        assert reviewed.assigned(Marking.SECOND) == [None if ta else reviewed.tas[1]] * 3


def at_once(*functions: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(functions)) as pool:
        return [each.result() for each in [pool.submit(each) for each in functions]]


def test_of_assignments_at_once_one_counts_for_each_submission(reviewed: Reviewed) -> None:
    known = reviewed.store.verify().entries
    refused = at_once(
        *(
            lambda ta=ta: reviewed.assign(ta, Marking.FIRST, f"at once {ta}", known)  # type: ignore[misc]
            for ta in (reviewed.tas[1], None)
        )
    )
    assert sorted(map(len, refused)) == [0, 3]
    assert reviewed.assigned() == [reviewed.tas[1] if refused[1] else None] * 3
    assert reviewed.store.verify().faults == ()


def test_of_an_application_and_a_discard_at_once_one_counts(reviewed: Reviewed) -> None:
    answer, record = reviewed.answer.id, reviewed.clarifications.record
    done = at_once(
        lambda: record(answer, Event.APPLIED, actor="ta1"),
        lambda: record(answer, Event.DISCARDED, actor="ta2"),
    )
    last = reviewed.clarifications.read(answer)
    assert sorted(done) == [False, True] and (last.last, last.by) == (
        (Event.APPLIED, "ta1") if done[0] else (Event.DISCARDED, "ta2")
    )
    assert reviewed.store.verify().faults == ()


def test_forgetting_a_student_erases_the_second_rating(reviewed: Reviewed) -> None:
    reviewed.store.forget_student("s1", actor="admin")
    with reviewed.store.database.reading() as connection:
        texts = connection.execute(text("SELECT document FROM contents")).scalars().all()
    assert not any("Secret words." in each for each in texts)
    assert reviewed.grades[0] not in reviewed.review().items and reviewed.store.verify().faults == ()
