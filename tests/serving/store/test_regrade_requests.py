"""Regrade requests in the store: their states, overrides, erasure, and a random walk against a model."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from serving.store.access.student_links import LinkOptions, StudentLinks
from serving.store.errors import ForgottenError, UnknownError
from serving.store.grades.regrade_records import RegradeRequest, RequestState, Resolution
from serving.store.grades.regrade_requests import LIMITS, RegradeRequests
from serving.store.store import Store, open_store
from tests.harness.errors import raises_code

COMPILES, READABLE = "Does it compile?", "Is it readable?"


@pytest.fixture
def grade_id(store: Store, hand: Any) -> str:
    someone = store.pseudonym_for("cs101", "s1", actor="api")
    return str(hand.grade(store, someone))


@pytest.fixture
def requests(store: Store) -> RegradeRequests:
    return RegradeRequests(store.database)


def submit(requests: RegradeRequests, grade_id: str, criterion: str = COMPILES, request: str = "a") -> RegradeRequest:
    return requests.submit(grade_id, criterion, "It compiles.", request=request, actor="moodle")


def test_a_granted_request_overrides_the_rating_in_the_history(
    store: Store, requests: RegradeRequests, grade_id: str
) -> None:
    made = submit(requests, grade_id)
    assert (made.state, made.rating, made.lab) == (RequestState.OPEN, "A", "lab1")
    answered = requests.answer(made.id, "B", "With a warning.", request="t", actor="ta1")
    assert answered.answer and answered.answer.resolution is Resolution.GRANTED
    history = store.read_history(grade_id)
    assert history.ratings[COMPILES] == "B" and history.overrides[-1].id == answered.answer.override
    assert requests.of_grade(grade_id) == [answered] and requests.read(made.id) == answered
    assert store.verify().faults == ()


def test_a_declined_request_leaves_the_rating(store: Store, requests: RegradeRequests, grade_id: str) -> None:
    answered = requests.answer(submit(requests, grade_id).id, None, "It does not.", request="t", actor="ta1")
    assert answered.answer and (answered.answer.resolution, answered.answer.override) == (Resolution.DECLINED, None)
    assert store.read_history(grade_id).overrides == ()


def test_a_criterion_has_one_open_request_and_a_bounded_number(requests: RegradeRequests, grade_id: str) -> None:
    for number in range(LIMITS.per_criterion):
        made = submit(requests, grade_id, request=f"a{number}")
        assert submit(requests, grade_id, request=f"a{number}").id == made.id  # a retry
        with raises_code("regrade-request-open"):
            submit(requests, grade_id, request="other")
        requests.answer(made.id, None, "", request=f"t{number}", actor="ta1")
    with raises_code("too-many-regrade-requests"):
        submit(requests, grade_id, request="last")
    assert submit(requests, grade_id, READABLE, request="last").criterion == READABLE


def test_the_first_answer_counts(store: Store, requests: RegradeRequests, grade_id: str) -> None:
    made = submit(requests, grade_id)
    first = requests.answer(made.id, "B", "", request="t1", actor="ta1")
    assert requests.answer(made.id, "C", "", request="t1", actor="ta1") == first  # a retry, whatever it has
    with raises_code("regrade-request-answered"):
        requests.answer(made.id, "C", "", request="t2", actor="ta2")
    assert [each.new for each in store.read_history(grade_id).overrides] == ["B"]


def test_of_two_answers_at_once_one_counts(store: Store, requests: RegradeRequests, grade_id: str) -> None:
    made, outcomes = submit(requests, grade_id), list[str]()

    def answer(name: str, rating: str | None) -> None:
        try:
            requests.answer(made.id, rating, name, request=name, actor=name)
            outcomes.append(name)
        except Exception as error:
            outcomes.append(getattr(error, "code", repr(error)))

    threads = [threading.Thread(target=answer, args=each) for each in (("ta1", "B"), ("ta2", None))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(outcomes)[0] == "regrade-request-answered" and len(set(outcomes)) == 2
    won = requests.read(made.id).answer
    assert won and won.actor in outcomes and len(store.read_history(grade_id).overrides) == (won.rating is not None)


def test_unknown_grades_criteria_ratings_and_requests_are_refused(requests: RegradeRequests, grade_id: str) -> None:
    for wrong in (("unknown", COMPILES), (grade_id, "Is it fast?")):
        with pytest.raises(UnknownError):
            submit(requests, *wrong)
    with pytest.raises(UnknownError):
        requests.answer("unknown", None, "", request="t", actor="ta1")
    made = submit(requests, grade_id)
    with pytest.raises(UnknownError):
        requests.answer(made.id, "Z", "", request="t", actor="ta1")
    assert requests.read(made.id).state is RequestState.OPEN  # nothing was recorded


def test_the_other_members_of_a_group_get_the_same_rating(store: Store, requests: RegradeRequests, hand: Any) -> None:
    own, other, gone = (
        str(hand.grade(store, store.pseudonym_for("cs101", name, actor="api"))) for name in ("s1", "s2", "s3")
    )
    made = submit(requests, own)
    store.forget_student("s3", actor="admin")
    requests.answer(made.id, "C", "", members=[other, gone], request="t", actor="ta1")
    assert store.read_history(other).ratings[COMPILES] == "C"
    assert requests.of_grade(other) == []


def test_the_queue_is_paged_and_filtered(store: Store, requests: RegradeRequests, hand: Any) -> None:
    ids = [str(hand.grade(store, store.pseudonym_for("cs101", f"s{i}", actor="api"))) for i in range(5)]
    made = [submit(requests, each) for each in ids]
    elsewhere = hand.grade(store, store.pseudonym_for("cs102", "s1", actor="api"))
    submit(requests, str(elsewhere))
    requests.answer(made[1].id, None, "", request="t", actor="ta1")
    first = requests.queue("cs101", limit=3)
    assert [each.grade for each in first] == ids[:3]
    assert [each.grade for each in requests.queue("cs101", after=first[-1].seq, limit=3)] == ids[3:]
    assert [each.grade for each in requests.queue("cs101", state=RequestState.ANSWERED, limit=9)] == [ids[1]]
    assert len(requests.queue("cs101", state=RequestState.OPEN, lab="lab1", limit=9)) == 4
    assert requests.queue("cs101", lab="lab2", limit=9) == []


def test_requests_are_erased_with_their_student(store: Store, requests: RegradeRequests, grade_id: str) -> None:
    made = submit(requests, grade_id)
    requests.answer(made.id, "B", "ZEBRA", request="t", actor="ta1")
    store.forget_student("s1", actor="admin")
    assert requests.of_grade(grade_id) == [] and requests.queue("cs101", limit=9) == []
    for refused in (
        lambda: requests.read(made.id),
        lambda: submit(requests, grade_id, READABLE),
        lambda: requests.answer(made.id, None, "", request="u", actor="ta1"),
    ):
        with pytest.raises(ForgottenError):
            refused()
    assert store.verify().faults == ()


def test_links_open_one_grade_until_they_expire(store: Store, grade_id: str) -> None:
    now = [datetime(2026, 3, 1, tzinfo=UTC)]
    store.database.now = lambda: now[0]
    links = StudentLinks(store.database)
    token, _ = links.create(grade_id, timedelta(days=2), LinkOptions(probabilities=True), actor="moodle")
    found = links.find(token)
    assert found and (found.grade, found.probabilities, found.include_review) == (grade_id, True, False)
    assert links.find(token + "x") is None
    now[0] += timedelta(days=2)
    assert links.find(token) is None
    with pytest.raises(UnknownError):
        links.create("unknown", timedelta(days=2), LinkOptions(), actor="moodle")
    with store.database.reading() as connection:
        stored = connection.exec_driver_sql("SELECT token_hash FROM student_links").scalars().all()
    assert token not in stored and store.verify().faults == ()


class Walk(RuleBasedStateMachine):
    """Random submissions, answers, overrides, erasures and restarts; `model`: id -> [student, criterion, rating when
    submitted, resolution or None]; `current`: (student, criterion) -> rating."""

    def __init__(self, new_url: Callable[[], str], hand: Any) -> None:
        super().__init__()
        self.url = new_url()
        self.store = open_store(self.url)
        self.requests = RegradeRequests(self.store.database)
        self.model: dict[str, list[Any]] = {}
        self.current: dict[tuple[str, str], str] = {}
        self.grades: dict[str, str] = {}
        self.number = 0
        for name in ("s1", "s2"):
            self.grades[name] = str(hand.grade(self.store, self.store.pseudonym_for("c", name, actor="api")))
            self.current |= {(name, each.title): "A" for each in hand.lab.criteria}

    def teardown(self) -> None:
        self.store.close()

    def new_request(self) -> str:
        self.number += 1
        return f"r{self.number}"

    @precondition(lambda self: self.grades)
    @rule(data=st.data(), criterion=st.sampled_from([COMPILES, READABLE]))
    def submit(self, data: st.DataObject, criterion: str) -> None:
        student = data.draw(st.sampled_from(sorted(self.grades)))
        earlier = [each for each in self.model.values() if each[:2] == [student, criterion]]
        expected = (
            "regrade-request-open"
            if any(each[3] is None for each in earlier)
            else "too-many-regrade-requests"
            if len(earlier) >= LIMITS.per_criterion
            else None
        )
        if expected:
            with raises_code(expected):
                submit(self.requests, self.grades[student], criterion, self.new_request())
            return
        made = submit(self.requests, self.grades[student], criterion, self.new_request())
        self.model[made.id] = [student, criterion, self.current[student, criterion], None]

    @precondition(lambda self: self.model)
    @rule(data=st.data(), rating=st.sampled_from(["A", "B", None]))
    def answer(self, data: st.DataObject, rating: str | None) -> None:
        regrade_id = data.draw(st.sampled_from(sorted(self.model)))
        student, criterion, _, resolution = self.model[regrade_id]
        if resolution:
            with raises_code("regrade-request-answered"):
                self.requests.answer(regrade_id, rating, "", request=self.new_request(), actor="ta")
            return
        self.requests.answer(regrade_id, rating, "", request=self.new_request(), actor="ta")
        self.model[regrade_id][3] = Resolution.GRANTED if rating else Resolution.DECLINED
        self.current[student, criterion] = rating or self.current[student, criterion]

    @precondition(lambda self: self.grades)
    @rule(data=st.data(), rating=st.sampled_from(["A", "B"]))
    def override(self, data: st.DataObject, rating: str) -> None:
        student = data.draw(st.sampled_from(sorted(self.grades)))
        how: dict[str, str] = {"request": self.new_request(), "actor": "ta"}
        self.store.record_override(self.grades[student], COMPILES, rating, "", **how)
        self.current[student, COMPILES] = rating

    @precondition(lambda self: len(self.grades) == 2)
    @rule()
    def forget(self) -> None:
        self.store.forget_student("s2", actor="admin")
        del self.grades["s2"]
        self.model = {key: each for key, each in self.model.items() if each[0] != "s2"}

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = open_store(self.url)
        self.requests = RegradeRequests(self.store.database)

    @invariant()
    def the_store_is_as_the_model(self) -> None:
        found = {each.id: each for each in self.requests.queue("c", limit=100)}
        assert found.keys() == self.model.keys()
        for key, (_, criterion, rating, resolution) in self.model.items():
            answer = found[key].answer
            assert (found[key].criterion, found[key].rating) == (criterion, rating)
            assert (answer.resolution if answer else None) == resolution
        for student, grade_id in self.grades.items():
            ratings = self.store.read_history(grade_id).ratings
            assert ratings == {title: self.current[student, title] for title in ratings}
        assert self.store.verify().faults == ()


@pytest.mark.parametrize(("examples", "steps"), [(3, 15), pytest.param(10, 25, marks=pytest.mark.nightly)])
def test_random_operations_match_the_model(
    new_url: Callable[[], str], hand: Any, machine: settings, examples: int, steps: int
) -> None:
    run_state_machine_as_test(
        lambda: Walk(new_url, hand), settings=settings(machine, max_examples=examples, stateful_step_count=steps)
    )
