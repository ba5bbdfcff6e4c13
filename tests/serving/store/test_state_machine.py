"""Random sequences of submit, retry, regrade, override, forget, edit, crash and restart match a model of dictionaries.

Killing, pausing and cancelling regrades: `tests/serving/jobs/test_state_machine.py`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.jobs.chunk import grade_chunk
from serving.jobs.job import Job
from serving.jobs.repository import JobRepository
from serving.store import students
from serving.store.errors import ForgottenError, OtherBodyError
from serving.store.grades import grades
from serving.store.ledger import audited_transaction
from serving.store.store import open_store

COMPILES = "Does it compile?"
STUDENTS = st.sampled_from(["s1", "s2", "s3"])
REQUESTS = st.sampled_from(["r1", "r2", "r3"])
TEXTS = st.sampled_from(["int a;\n", "int b;\n"])
RATINGS = st.sampled_from(["A", "B"])


class CrashError(Exception):
    pass


class GradingBackend:
    """A worker's: the rating is a function of the program."""

    def __init__(self, store: Any, lab: Lab, hand: Any) -> None:
        self.store, self.jobs, self._lab, self._hand = store, JobRepository(store.database), lab, hand

    def lab(self, _: Job) -> Lab:
        return self._lab

    def observe(self, _: Job, submissions: Sequence[Submission]) -> list[Submission]:
        return [*submissions]

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        return [self._hand.graded(lab, each, rating_of(each.files[0].text)) for each in submissions]


def rating_of(text: str) -> str:
    return "AB"["b" in text]


class Service(RuleBasedStateMachine):
    """Random operations on a store, and a model of it. `ids` (request, pseudonym, program -> grade), `graded` (grade ->
    criterion -> rating as the machine gave it), `work` (grade -> pseudonym, program), `decided` (work -> overrides of
    all its grades), `answers` (key -> body, answer, student), `jobs` (ids)."""

    def __init__(self, new_url: Callable[[], str], hand: Any) -> None:
        super().__init__()
        self.url, self.hand = new_url(), hand
        self.labs = [hand.lab, hand.lab.model_copy(update={"criteria": hand.lab.criteria[:1]})]
        self.store = open_store(self.url)
        self.known: dict[str, str] = {}
        self.forgotten: list[str] = []
        self.ids: dict[tuple[str, str, str], str] = {}
        self.graded: dict[str, dict[str, str]] = {}
        self.work: dict[str, tuple[str, str]] = {}
        self.decided: dict[tuple[str, str], list[tuple[str, str, str, str, str]]] = {}
        self.answers: dict[str, tuple[str, str, str]] = {}
        self.jobs: list[str] = []

    def teardown(self) -> None:
        self.store.close()

    def pseudonym(self, student: str) -> str:
        found = self.store.pseudonym_for("cs101", student, actor="api")
        assert found not in self.forgotten and self.known.setdefault(student, found) == found
        return found

    @rule(student=STUDENTS)
    def forget(self, student: str) -> None:
        done = self.store.forget_student(student, actor="admin")
        assert done.students == (student in self.known) and done.scrubbed
        if gone := self.known.pop(student, None):
            self.forgotten.append(gone)
            self.answers = {key: value for key, value in self.answers.items() if value[2] != gone}

    @rule(texts=st.lists(TEXTS, min_size=1, max_size=3))
    def regrade_a_lab(self, texts: list[str]) -> None:
        handed_in = [self.hand.written_by(f"s{i + 1}", text) for i, text in enumerate(texts)]
        lab = self.hand.lab.model_copy(update={"submissions": tuple(handed_in)})
        backend = GradingBackend(self.store, lab, self.hand)
        job = backend.jobs.add("cs101", lab, actor="ta1", chunk=2)
        self.jobs.append(job.id)
        for number in (0, 1, 0):  # the first one again, as after a crash
            grade_chunk(backend, job.id, number)
        for stored, text in zip(self.store.read_grades(job.id), texts, strict=True):
            self.ids[job.id, stored.student, text] = stored.id
            self.graded[stored.id] = {each.title: rating_of(text) for each in lab.criteria}
            self.work[stored.id] = stored.student, text
        assert [self.work[stored.id][0] for stored in self.store.read_grades(job.id)] == [
            self.pseudonym(each.student) for each in handed_in
        ]

    @rule(student=STUDENTS, request=REQUESTS, text=TEXTS, rating=RATINGS)
    def submit_or_retry_or_regrade(self, student: str, request: str, text: str, rating: str) -> None:
        someone = self.pseudonym(student)
        stored = self.hand.grade(self.store, someone, request=request, text=text, rating=rating)
        if self.ids.setdefault((request, someone, text), stored) == stored and stored not in self.graded:
            self.graded[stored] = {each.title: rating for each in self.hand.lab.criteria}
            self.work[stored] = someone, text
        assert self.ids[request, someone, text] == stored

    @precondition(lambda self: self.forgotten)
    @rule(data=st.data(), request=REQUESTS)
    def a_job_that_did_not_hear_of_the_forgetting(self, data: st.DataObject, request: str) -> None:
        assert self.hand.grade(self.store, data.draw(st.sampled_from(self.forgotten)), request=request) is None

    @precondition(lambda self: self.graded)
    @rule(data=st.data(), rating=RATINGS, request=REQUESTS)
    def override(self, data: st.DataObject, rating: str, request: str) -> None:
        stored = data.draw(st.sampled_from(list(self.graded)))
        how: dict[str, str] = {"request": request, "actor": "ta1"}
        if self.work[stored][0] in self.forgotten:
            with pytest.raises(ForgottenError):
                self.store.record_override(stored, COMPILES, rating, "why", **how)
            return
        made = self.store.record_override(stored, COMPILES, rating, "why", **how)
        list_ = self.decided.setdefault(self.work[stored], [])
        earlier = [each for each in list_ if each[:2] == (stored, request)]
        if not earlier:
            old = list_[-1][3] if list_ else self.graded[stored][COMPILES]
            list_.append((stored, request, old, rating, made.id))
        assert (stored, made.request, made.old, made.new, made.id) == (earlier or list_[-1:])[0]

    @rule(key=st.sampled_from(["k1", "k2"]), body=st.sampled_from(["b1", "b2"]), student=STUDENTS)
    def ask_with_an_idempotency_key(self, key: str, body: str, student: str) -> None:
        someone = self.pseudonym(student)
        known = self.answers.get(key)
        if known and known[0] != body:
            with pytest.raises(OtherBodyError):
                self.store.claims.take("scope", key, body, student=someone)
            return
        claim = self.store.claims.take("scope", key, body, student=someone)
        assert claim.answer == (known[1] if known else None)
        if not known:
            self.answers[key] = (body, self.store.claims.record_answer(claim, f"{body} {claim.request}"), someone)

    @rule()
    def edit_the_rubric(self) -> None:
        self.hand.lab = self.labs[self.hand.lab == self.labs[0]]

    @rule(student=STUDENTS, text=TEXTS)
    def crash_before_the_commit(self, student: str, text: str) -> None:
        work = self.hand.written_by(self.pseudonym(student), text)
        with pytest.raises(CrashError), audited_transaction(self.store.database) as ledger:
            given = [self.hand.graded(self.hand.lab, work)]
            grades.record_grades(ledger, self.hand.lab, [work], given, request="crashed", actor="job")
            students.forget_student(ledger, work.student, "admin")
            ledger.close()
            ledger.connection.invalidate()  # the connection is gone, as after a kill
            raise CrashError
        assert self.store.read_grades("crashed") == []

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = open_store(self.url)

    @invariant()
    def the_chain_verifies_and_nothing_is_lost_or_changed(self) -> None:
        assert self.store.verify().faults == ()
        for stored, machine in self.graded.items():
            history = self.store.read_history(stored)
            assert [each.title for each in history.lab.criteria] == list(machine)
            if self.work[stored][0] in self.forgotten:
                assert history.grade.grade is None and history.ratings == {}
                continue
            decided = self.decided.get(self.work[stored], [])
            overrides = [(stored, each.request, each.old, each.new, each.id) for each in history.overrides]
            assert overrides == [each for each in decided if each[0] == stored]
            assert history.grade.grade is not None
            assert {each.criterion: each.rating for each in history.grade.grade.criteria} == machine
            assert history.ratings == machine | ({COMPILES: decided[-1][3]} if decided else {})
        for request in ("r1", "r2", "r3", *self.jobs):
            mine = [stored for (name, _, _), stored in self.ids.items() if name == request]
            assert [each.id for each in self.store.read_grades(request)] == mine


@pytest.mark.parametrize(("examples", "steps"), [(2, 12), pytest.param(8, 20, marks=pytest.mark.nightly)])
def test_random_operations_match_the_model(
    new_url: Callable[[], str], hand: Any, machine: settings, examples: int, steps: int
) -> None:
    lab = hand.lab

    def fresh() -> Service:
        hand.lab = lab
        return Service(new_url, hand)

    run_state_machine_as_test(
        fresh,
        settings=settings(machine, max_examples=examples, stateful_step_count=steps),
    )
