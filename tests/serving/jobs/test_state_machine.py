"""Random sequences of operations on jobs: grade, kill, pause, resume, cancel, finish, also during a chunk.

Each returned grade is stored once, and no submission is graded that the job's state does not require.
"""

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
    """The worker's process ends here."""


class UnwantedError(BaseException):
    """Grading started although the job does not require it. A BaseException, so that it does not count as a failure."""


class Generation(NamedTuple):
    """A job's generation; when it ends, its workers start nothing more."""

    number: int
    requested: RequestedState = RequestedState.RUN
    ended: State | None = None


@dataclass
class Regrade:
    """The expected state of a job. `programs`: pseudonym -> text; `recorded`: (grade id, pseudonym) in order."""

    lab: Lab = field(repr=False)
    programs: dict[str, str]
    now: Generation = field(default_factory=lambda: Generation(1))
    parked: set[str] = field(default_factory=set)
    recorded: list[tuple[str, str]] = field(default_factory=list)
    kills: int = 0

    @property
    def state(self) -> State:
        if self.now.requested is RequestedState.CANCEL:
            return State.CANCELLED
        active = State.RUNNING if self.recorded else State.QUEUED
        return self.now.ended or (State.PAUSED if self.now.requested is RequestedState.PAUSE else active)

    @property
    def graded(self) -> set[str]:
        return {student for _, student in self.recorded}

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
    """If `deadly`, kills its worker after the grades are stored and before their failed attempts are cleared."""

    deadly = False

    def clear(self, job_id: str, pseudonyms: Sequence[str]) -> None:
        if self.deadly:
            raise Killed
        super().clear(job_id, pseudonyms)


class MortalBackend:
    """A worker's backend for `regrade`.

    In call number `at` for a student's work it calls `meanwhile`. `killed`: it dies there `before` or `after` the
    grades are stored, or not at all (None). `answered`: the students whose grade it returned.
    """

    def __init__(self, store: Any, regrade: Regrade, grade_of: Any, forgotten: Sequence[str]) -> None:
        self.store, self.jobs, self._regrade = store, JobRepository(store.database), regrade
        self.jobs.attempts = self._attempts = MortalAttempts(store.database)
        self._grade_of, self._forgotten, self._worked_for = grade_of, forgotten, regrade.now
        self._settled = regrade.parked | regrade.graded
        self.at, self.calls, self.answered = 0, 0, list[str]()
        self.meanwhile: Callable[[], object] = lambda: None
        self.killed: str | None = None

    def lab(self, _: Job) -> Lab:
        return self._regrade.lab

    def observe(self, _: Job, submissions: Sequence[Submission]) -> list[Submission]:
        return [*submissions]

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
        """One of the last two jobs."""
        return data.draw(st.sampled_from(list(self.regrades.items())[-2:]))

    @initialize(texts=WORKS)
    def create_first(self, texts: list[str]) -> None:
        self.create(texts)

    @precondition(lambda self: any(each.over for each in list(self.regrades.values())[-2:]) or len(self.regrades) < 2)
    @rule(texts=WORKS)
    def create_another(self, texts: list[str]) -> None:
        self.create(texts)

    def create(self, texts: list[str]) -> None:
        submissions = tuple(
            Submission(student=f"s{i}", folder=f"s{i}", files=(SourceFile(path="main.c", text=text),))
            for i, text in enumerate(texts)
        )
        lab = self.bare.model_copy(update={"submissions": submissions})
        job = self.jobs.add("cs101", lab, actor="ta", chunk=CHUNK)
        pseudonyms = [self.store.pseudonym_for("cs101", each.student, actor="ta") for each in submissions]
        self.regrades[job.id] = Regrade(lab, dict(zip(pseudonyms, texts, strict=True)))

    @rule(data=st.data(), number=NUMBER)
    def grade_a_chunk(self, data: st.DataObject, number: int) -> None:
        self.work(*self.one(data), number)

    @rule(data=st.data(), number=NUMBER, at=CALL, killed=st.sampled_from(["before", "after"]))
    def kill_during_a_chunk(self, data: st.DataObject, number: int, at: int, killed: str) -> None:
        self.work(*self.one(data), number, at=at, killed=killed)
        self.restart()

    @rule(data=st.data(), number=NUMBER, at=CALL, requested=REQUESTS)
    def request_states_during_a_chunk(
        self, data: st.DataObject, number: int, at: int, requested: list[RequestedState]
    ) -> None:
        job_id, regrade = self.one(data)
        self.work(job_id, regrade, number, at=at, meanwhile=lambda: self.request(job_id, regrade, *requested))

    @rule(data=st.data(), number=NUMBER, at=CALL, resumed=st.booleans(), killed=st.sampled_from(["before", None]))
    def grade_a_chunk_in_two_workers(
        self, data: st.DataObject, number: int, at: int, resumed: bool, killed: str | None
    ) -> None:
        job_id, regrade = self.one(data)

        def meanwhile() -> None:
            self.request(job_id, regrade, *([RequestedState.PAUSE, RequestedState.RUN] if resumed else []))
            self.work(job_id, regrade, number, at=1, killed=killed)

        self.work(job_id, regrade, number, at=at, meanwhile=meanwhile)

    @rule(data=st.data(), number=NUMBER, at=CALL, who=st.sampled_from(["s0", "s1", "s2"]))
    def forget_a_student_during_a_chunk(self, data: st.DataObject, number: int, at: int, who: str) -> None:
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
            self.check_stored_grades(job_id, regrade, backend.answered)
            backend.answered.clear()
            meanwhile()

        backend.at, backend.killed, backend.meanwhile = at, killed, others
        alive = True
        try:
            grade_chunk(backend, job_id, number)
        except Killed:
            alive, regrade.kills = False, regrade.kills + 1
        self.check_stored_grades(job_id, regrade, backend.answered)
        parked = {each.student for each in self.jobs.progress(job_id).parked}
        assert regrade.parked <= parked or regrade.now != began
        assert (
            all(regrade.programs[each] == BROKEN for each in parked - regrade.parked)
            or regrade.kills >= RetryLimits().crashes
        )
        regrade.parked = parked
        if alive and regrade.now == began == Generation(began.number):
            assert set(part) <= regrade.graded | parked | set(self.forgotten)

    def check_stored_grades(self, job_id: str, regrade: Regrade, answered: Sequence[str]) -> None:
        """Stored grades are unchanged, and each returned grade is appended unless its student had one."""
        graded = regrade.graded
        found = [(each.id, each.student) for each in self.store.read_grades(job_id) if each.by_model]
        assert found[: len(regrade.recorded)] == regrade.recorded
        assert [student for _, student in found[len(regrade.recorded) :]] == [
            each for each in answered if each not in graded
        ]
        regrade.recorded = found

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
    def finish_a_known_generation_and_request_a_state(
        self, data: st.DataObject, ended: State, behind: int, state: RequestedState
    ) -> None:
        """`behind`: the worker does not know of the last resume or pause."""
        job_id, regrade = self.one(data)
        known = self.jobs.job(job_id).model_copy(
            update={"generation": regrade.now.number - behind, "requested": RequestedState.RUN}
        )
        current = not behind and regrade.now == Generation(regrade.now.number)
        self.jobs.finish(known, None if ended is State.DONE else "broken")
        regrade.now = regrade.now._replace(ended=ended) if current else regrade.now
        self.jobs_have_the_expected_state()
        self.request(job_id, regrade, state)

    def forget(self, student: str) -> None:
        pseudonym = self.store.pseudonym_for("cs101", student, actor="ta")
        self.store.forget_student(student, actor="admin")
        self.forgotten.append(pseudonym)

    def restart(self) -> None:
        self.store.close()
        self.store = open_store(self.url)

    @invariant()
    def jobs_have_the_expected_state(self) -> None:
        for job_id, regrade in self.regrades.items():
            now = self.jobs.progress(job_id)
            expected = regrade.state, regrade.now.number, len(regrade.recorded)
            assert (now.state, now.job.generation, now.graded) == expected
            assert {each.student for each in now.parked} == regrade.parked
            every = self.store.read_grades(job_id)
            stored = [each for each in every if each.by_model]
            by_hand = {each.student for each in every if not each.by_model}
            assert regrade.parked - set(self.forgotten) <= by_hand
            assert [(each.id, each.student) for each in stored] == regrade.recorded
            assert all((each.grade is None) == (each.student in self.forgotten) for each in stored)


@pytest.mark.parametrize(("examples", "steps"), [(8, 20), pytest.param(15, 30, marks=pytest.mark.nightly)])
def test_random_operations_match_the_expected_jobs(
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
