"""Regrades in any sequence: begun, worked on, killed, paused, resumed, cancelled, ended, some of it while something is
graded. Each keeps what its calls of the model answered, once, and asks for no more than what people want of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from labs_schema.grades import Grade
from labs_schema.limits import RetryLimits
from labs_schema.models import Lab, SourceFile, Submission
from serving.grading.retries import PROBE, Outcome, grade_isolated
from serving.jobs.attempts import AttemptLog
from serving.jobs.chunk import grade_chunk
from serving.jobs.job import Job, RequestedState, State
from serving.jobs.repository import JobRepository
from serving.store.store import open_store

CHUNK, PARTS = 3, 3
BROKEN = "int broken"
WORKS = st.lists(st.sampled_from(["int a;\n", "int a;\n", "int b;\n", BROKEN]), min_size=CHUNK, max_size=CHUNK * PARTS)
ENDS = st.sampled_from([State.DONE, State.FAILED])
NUMBER, CALL = st.integers(0, PARTS - 1), st.sampled_from([1, 1, 2, 4])
REQUESTS = st.sampled_from(
    [[RequestedState.PAUSE], [RequestedState.CANCEL], [RequestedState.PAUSE, RequestedState.RUN], [RequestedState.RUN]]
)


class Killed(BaseException):
    """The worker ends here: nothing of ours runs any more."""


class UnwantedError(BaseException):
    """Something is begun that nobody wants any more. What grading raises else is taken for the program's fault."""


class Generation(NamedTuple):
    """What a worker works for: once this is over, it starts nothing more."""

    number: int
    requested: RequestedState = RequestedState.RUN
    ended: State | None = None


@dataclass
class Regrade:
    """What is to be found of a job. `programs`: pseudonym -> text; `kept`: (grade, pseudonym) as they were recorded."""

    lab: Lab = field(repr=False)
    programs: dict[str, str]
    now: Generation = field(default_factory=lambda: Generation(1))
    parked: set[str] = field(default_factory=set)
    kept: list[tuple[str, str]] = field(default_factory=list)
    kills: int = 0

    @property
    def state(self) -> State:
        if self.now.requested is RequestedState.CANCEL:
            return State.CANCELLED
        going_on = State.RUNNING if self.kept else State.QUEUED
        return self.now.ended or (State.PAUSED if self.now.requested is RequestedState.PAUSE else going_on)

    @property
    def graded(self) -> set[str]:
        return {student for _, student in self.kept}

    @property
    def over(self) -> bool:
        return self.now.requested is RequestedState.CANCEL or (self.now.ended is State.DONE and not self.parked)

    def request(self, state: RequestedState) -> None:
        if self.over or (self.now.requested is state and not self.now.ended):
            return
        self.now = self.now._replace(requested=state)
        if state is RequestedState.RUN:
            self.now, self.parked = Generation(self.now.number + 1), set()


class MortalAttempts(AttemptLog):
    """Ends its worker between the grades and the note that they succeeded, where `deadly`."""

    deadly = False

    def clear(self, job_id: str, pseudonyms: Sequence[str]) -> None:
        if self.deadly:
            raise Killed
        super().clear(job_id, pseudonyms)


class MortalBackend:
    """A worker's backend for `regrade`. In its call number `at` for a student's work it calls `meanwhile`, and there it
    is `killed`, `before` or `after` the grades are stored. `answered`: the students whose grade it returned."""

    def __init__(self, store: Any, regrade: Regrade, grade_of: Any, forgotten: Sequence[str]) -> None:
        self.store, self.jobs, self._regrade = store, JobRepository(store.database), regrade
        self.jobs.attempts = self._attempts = MortalAttempts(store.database, store._now)
        self._grade_of, self._forgotten, self._worked_for = grade_of, forgotten, regrade.now
        self._settled = regrade.parked | regrade.graded
        self.at, self.calls, self.answered = 0, 0, list[str]()
        self.meanwhile: Callable[[], object] = lambda: None
        self.killed: str | None = None

    def lab(self, _: Job) -> Lab:
        return self._regrade.lab

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Outcome]:
        now = self._regrade.now
        if now != self._worked_for or now.requested is not RequestedState.RUN or now.ended:
            raise UnwantedError
        outcomes = grade_isolated(partial(self._batch, lab), submissions)
        graded = [each.student for each in outcomes if isinstance(each, Grade)]
        self.answered += [each for each in graded if each not in self._forgotten and each != PROBE.student]
        return outcomes

    def _batch(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        if submissions[0].student != PROBE.student:
            self._work(submissions)
        return [self._grade_of(lab, each) for each in submissions]

    def _work(self, submissions: Sequence[Submission]) -> None:
        if {each.student for each in submissions} & self._settled:
            raise UnwantedError
        self.calls += 1
        if self.calls == self.at:
            self.meanwhile()
            if self.killed == "before":
                raise Killed
            self._attempts.deadly = self.killed == "after"
        if any(each.files[0].text == BROKEN for each in submissions):
            raise RuntimeError


class Regrades(RuleBasedStateMachine):
    def __init__(self, new_url: Callable[[], str], lab: Lab, grade_of: Any) -> None:
        super().__init__()
        self.url, self.bare, self.grade_of = new_url(), lab, grade_of
        self.store = open_store(self.url)
        self.regrades: dict[str, Regrade] = {}
        self.forgotten: list[str] = []

    def teardown(self) -> None:
        assert self.store.verify().faults == ()
        self.store.close()

    @property
    def jobs(self) -> JobRepository:
        return JobRepository(self.store.database)

    def one(self, data: st.DataObject) -> tuple[str, Regrade]:
        """Of the last two."""
        return data.draw(st.sampled_from(list(self.regrades.items())[-2:]))

    @initialize(texts=WORKS)
    def create_the_first(self, texts: list[str]) -> None:
        self.create(texts)

    @precondition(lambda self: any(each.over for each in list(self.regrades.values())[-2:]) or len(self.regrades) < 2)
    @rule(texts=WORKS)
    def create_another(self, texts: list[str]) -> None:
        self.create(texts)

    def create(self, texts: list[str]) -> None:
        handed_in = tuple(
            Submission(student=f"s{i}", folder=f"s{i}", files=(SourceFile(path="main.c", text=text),))
            for i, text in enumerate(texts)
        )
        lab = self.bare.model_copy(update={"submissions": handed_in})
        job = self.jobs.add("cs101", lab, actor="ta", chunk=CHUNK)
        pseudonyms = [self.store.pseudonym_for("cs101", each.student, actor="ta") for each in handed_in]
        self.regrades[job.id] = Regrade(lab, dict(zip(pseudonyms, texts, strict=True)))

    @rule(data=st.data(), number=NUMBER)
    def grade_a_chunk(self, data: st.DataObject, number: int) -> None:
        self.work(*self.one(data), number)

    @rule(data=st.data(), number=NUMBER, at=CALL, killed=st.sampled_from(["before", "after"]))
    def be_killed_in_a_chunk(self, data: st.DataObject, number: int, at: int, killed: str) -> None:
        self.work(*self.one(data), number, at=at, killed=killed)
        self.restart()

    @rule(data=st.data(), number=NUMBER, at=CALL, requested=REQUESTS)
    def grade_a_chunk_while_a_person_changes_plans(
        self, data: st.DataObject, number: int, at: int, requested: list[RequestedState]
    ) -> None:
        job_id, regrade = self.one(data)
        self.work(job_id, regrade, number, at=at, meanwhile=lambda: self.request(job_id, regrade, *requested))

    @rule(data=st.data(), number=NUMBER, at=CALL, resumed=st.booleans(), killed=st.sampled_from(["before", None]))
    def grade_a_chunk_while_another_worker_is_at_it_too(
        self, data: st.DataObject, number: int, at: int, resumed: bool, killed: str | None
    ) -> None:
        job_id, regrade = self.one(data)

        def meanwhile() -> None:
            self.request(job_id, regrade, *([RequestedState.PAUSE, RequestedState.RUN] if resumed else []))
            self.work(job_id, regrade, number, at=1, killed=killed)

        self.work(job_id, regrade, number, at=at, meanwhile=meanwhile)

    @rule(data=st.data(), number=NUMBER, at=CALL, who=st.sampled_from(["s0", "s1", "s2"]))
    def grade_a_chunk_while_a_student_is_forgotten(self, data: st.DataObject, number: int, at: int, who: str) -> None:
        self.work(*self.one(data), number, at=at, meanwhile=lambda: self.forget(who))

    def work(
        self,
        job_id: str,
        regrade: Regrade,
        number: int,
        *,
        at: int = 0,
        killed: str | None = None,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        part = list(regrade.programs)[CHUNK * number :][:CHUNK]
        if not part:
            return
        began, backend = regrade.now, MortalBackend(self.store, regrade, self.grade_of, self.forgotten)

        def others() -> None:
            self.expect_answers_kept(job_id, regrade, backend.answered)
            backend.answered.clear()
            meanwhile()

        backend.at, backend.killed, backend.meanwhile = at, killed, others
        alive = True
        try:
            grade_chunk(backend, job_id, number)
        except Killed:
            alive, regrade.kills = False, regrade.kills + 1
        self.expect_answers_kept(job_id, regrade, backend.answered)
        parked = {each.student for each in self.jobs.progress(job_id).parked}
        assert regrade.parked <= parked or regrade.now != began
        assert (
            all(regrade.programs[each] == BROKEN for each in parked - regrade.parked)
            or regrade.kills >= RetryLimits().crashes
        )
        regrade.parked = parked
        if alive and regrade.now == began == Generation(began.number):
            assert set(part) <= regrade.graded | parked | set(self.forgotten)

    def expect_answers_kept(self, job_id: str, regrade: Regrade, answered: Sequence[str]) -> None:
        """Nothing that was kept is changed, and what was answered is new, unless it was there."""
        there = regrade.graded
        found = [(each.id, each.student) for each in self.store.read_grades(job_id)]
        assert found[: len(regrade.kept)] == regrade.kept
        assert [student for _, student in found[len(regrade.kept) :]] == [
            each for each in answered if each not in there
        ]
        regrade.kept = found

    @rule(
        data=st.data(),
        state=st.sampled_from(
            [RequestedState.PAUSE, RequestedState.PAUSE, RequestedState.RUN, RequestedState.RUN, RequestedState.CANCEL]
        ),
    )
    def pause_resume_or_cancel(self, data: st.DataObject, state: RequestedState) -> None:
        self.request(*self.one(data), state)

    def request(self, job_id: str, regrade: Regrade, *requested: RequestedState) -> None:
        for state in requested:
            regrade.request(state)
            now = self.jobs.request(job_id, state, actor="ta")
            assert (now.requested, now.generation) == (regrade.now.requested, regrade.now.number)

    @rule(
        data=st.data(),
        ended=ENDS,
        behind=st.sampled_from([0, 0, 1]),
        state=st.sampled_from([RequestedState.PAUSE, RequestedState.RUN]),
    )
    def finish_the_generation_a_worker_knows_and_request_a_state(
        self, data: st.DataObject, ended: State, behind: int, state: RequestedState
    ) -> None:
        """`behind`: it has not heard of the last resume, nor of a pause."""
        job_id, regrade = self.one(data)
        known = self.jobs.job(job_id).model_copy(
            update={"generation": regrade.now.number - behind, "requested": RequestedState.RUN}
        )
        heard = not behind and regrade.now == Generation(regrade.now.number)
        self.jobs.finish(known, None if ended is State.DONE else "broken")
        regrade.now = regrade.now._replace(ended=ended) if heard else regrade.now
        self.each_job_is_as_it_was_left()
        self.request(job_id, regrade, state)

    def forget(self, student: str) -> None:
        pseudonym = self.store.pseudonym_for("cs101", student, actor="ta")
        self.store.forget_student(student, actor="admin")
        self.forgotten.append(pseudonym)

    def restart(self) -> None:
        self.store.close()
        self.store = open_store(self.url)

    @invariant()
    def each_job_is_as_it_was_left(self) -> None:
        for job_id, regrade in self.regrades.items():
            now = self.jobs.progress(job_id)
            assert (now.state, now.job.generation, now.graded) == (regrade.state, regrade.now.number, len(regrade.kept))
            assert {each.student for each in now.parked} == regrade.parked
            stored = self.store.read_grades(job_id)
            assert [(each.id, each.student) for each in stored] == regrade.kept
            assert all((each.grade is None) == (each.student in self.forgotten) for each in stored)


@pytest.mark.parametrize(("examples", "steps"), [(8, 20), pytest.param(15, 30, marks=pytest.mark.slow)])
def test_whatever_happens_to_regrades_each_keeps_what_was_wanted_and_answered_once(
    new_url: Callable[[], str],
    make_lab: Callable[..., Lab],
    grade_of: Any,
    machine: settings,
    examples: int,
    steps: int,
) -> None:
    lab = make_lab(students=0)
    run_state_machine_as_test(
        lambda: Regrades(new_url, lab, grade_of),
        settings=settings(machine, max_examples=examples, stateful_step_count=steps),
    )
