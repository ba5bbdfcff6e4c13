"""Any sequence of submit, retry, override, forget, edit, crash, restart, and of regrades that are begun, worked on,
killed, paused, resumed and cancelled, leaves what plain dicts say."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.jobs.book import JobBook
from serving.jobs.chunk import DEATHS, grade_chunk
from serving.jobs.job import Job, State, Wish
from serving.jobs.tries import TriesBook
from serving.store import grades, students
from serving.store.errors import ForgottenError, OtherBodyError
from serving.store.grades import StoredGrade
from serving.store.ledger import write
from serving.store.store import open_store

COMPILES, READABLE = "Does it compile?", "Is it readable?"
STUDENTS = st.sampled_from(["s1", "s2", "s3"])
REQUESTS = st.sampled_from(["r1", "r2", "r3"])
TEXTS = st.sampled_from(["int a;\n", "int b;\n"])
RATINGS = st.sampled_from(["A", "B"])
STATES = {
    Wish.RUN: {State.QUEUED, State.RUNNING},
    Wish.PAUSE: {State.PAUSED},
    Wish.CANCEL: {State.CANCELLED},
}


class CrashError(Exception):
    pass


class Killed(BaseException):
    """The worker ends here: nothing of ours runs any more."""


class UnwantedError(BaseException):
    """Something is graded that nobody wants any more. What grading raises else is taken for the program's fault."""


class DeadlyTries(TriesBook):
    """Ends its worker between the grades and the note that they succeeded, where `deadly`."""

    deadly = False

    def clear(self, job_id: str, pseudonyms: Sequence[str]) -> None:
        if self.deadly:
            raise Killed
        super().clear(job_id, pseudonyms)


class Desk:
    """A worker's: the rating is a function of the program. `killed`: `before` or `after` grades are kept. `meanwhile`:
    what a person wishes while something is graded for the first time. Nothing is begun that nobody wants any more."""

    def __init__(
        self, store: Any, lab: Lab, hand: Any, killed: str | None = None, meanwhile: Sequence[Wish] = ()
    ) -> None:
        self.store, self.book, self._lab, self._hand = store, JobBook(store.database), lab, hand
        self.book.tries = tried = DeadlyTries(store.database, lambda: datetime.now(UTC))
        tried.deadly, self._killed, self.left = killed == "after", killed, list(meanwhile)

    def lab(self, job: Job) -> Lab:
        self._job = job
        return self._lab

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        now = self.book.job(self._job.id)
        if (now.wish, now.round) != (Wish.RUN, self._job.round):
            raise UnwantedError
        while self.left:
            self.book.wish(now.id, self.left.pop(0), actor="ta1")
        if self._killed == "before" and submissions[0].student != "nobody":
            raise Killed
        return [self._hand.graded(lab, each, rating_of(each.files[0].text)) for each in submissions]


def rating_of(text: str) -> str:
    return "AB"["b" in text]


class Regrades(RuleBasedStateMachine):
    """What becomes of regrades: the store, and a model of it. `ids` (request, pseudonym, program -> grade), `graded`
    (grade -> criterion -> rating as the machine gave it), `changed` (grade -> overrides), `answers` (key -> body,
    answer, student), `jobs` (id -> lab), `members` (id -> pseudonym -> program), `wishes` (id -> what a person wished
    last), `kills`."""

    def __init__(self, new_url: Callable[[], str], hand: Any) -> None:
        super().__init__()
        self.url, self.hand = new_url(), hand
        self.labs = [hand.lab, hand.lab.model_copy(update={"criteria": hand.lab.criteria[:1]})]
        self.store = open_store(self.url)
        self.known: dict[str, str] = {}
        self.forgotten: list[str] = []
        self.ids: dict[tuple[str, str, str], str] = {}
        self.graded: dict[str, dict[str, str]] = {}
        self.changed: dict[str, list[tuple[str, str, str, str]]] = {}
        self.owner: dict[str, str] = {}
        self.answers: dict[str, tuple[str, str, str]] = {}
        self.jobs: dict[str, Lab] = {}
        self.members: dict[str, dict[str, str]] = {}
        self.wishes: dict[str, Wish] = {}
        self.kills: Counter[str] = Counter()

    def teardown(self) -> None:
        self.store.close()

    def pseudonym(self, student: str) -> str:
        found = self.store.pseudonym("cs101", student, actor="api")
        assert found not in self.forgotten and self.known.setdefault(student, found) == found
        return found

    @rule(student=STUDENTS)
    def forget(self, student: str) -> None:
        done = self.store.forget(student, actor="admin")
        assert done.students == (student in self.known) and done.scrubbed
        if gone := self.known.pop(student, None):
            self.forgotten.append(gone)
            self.answers = {key: value for key, value in self.answers.items() if value[2] != gone}

    @rule(texts=st.lists(TEXTS, min_size=1, max_size=3))
    def begin_a_regrade(self, texts: list[str]) -> None:
        handed_in = [self.hand.written_by(f"s{i + 1}", text) for i, text in enumerate(texts)]
        lab = self.hand.lab.model_copy(update={"submissions": tuple(handed_in)})
        job = JobBook(self.store.database).add("cs101", lab, actor="ta1", chunk=2)
        self.jobs[job.id], self.wishes[job.id] = lab, Wish.RUN
        self.members[job.id] = {self.pseudonym(each.student): each.files[0].text for each in handed_in}

    @precondition(lambda self: self.jobs)
    @rule(
        data=st.data(),
        number=st.integers(0, 1),
        killed=st.sampled_from([None, None, "before", "after"]),
        meanwhile=st.sampled_from([[], [], [Wish.PAUSE], [Wish.CANCEL], [Wish.PAUSE, Wish.RUN]]),
    )
    def work_on_a_part_of_it(self, data: st.DataObject, number: int, killed: str | None, meanwhile: list[Wish]) -> None:
        job = data.draw(st.sampled_from(list(self.jobs)))
        desk, before = Desk(self.store, self.jobs[job], self.hand, killed, meanwhile), len(self.store.recorded(job))
        try:
            grade_chunk(desk, job, number)
        except Killed:
            self.kills[job] += 1
        else:
            killed = None
        kept = self.store.recorded(job)
        part = list(self.members[job])[2 * number : 2 * number + 2]
        assert {each.student for each in kept[before:]} <= set(part)
        assert self.wishes[job] is Wish.RUN or len(kept) == before
        self.note(job, kept[before:])
        parked = {each.student for each in desk.book.progress(job).parked}
        assert not parked or self.kills[job] >= DEATHS
        if wished := meanwhile[: len(meanwhile) - len(desk.left)]:
            self.wishes[job] = wished[-1]
        elif killed is None and self.wishes[job] is Wish.RUN:
            assert set(part) <= {each.student for each in kept} | parked | set(self.forgotten)

    def note(self, job: str, kept: Sequence[StoredGrade]) -> None:
        for each in kept:
            text = self.members[job][each.student]
            assert (job, each.student, text) not in self.ids and each.student not in self.forgotten
            self.ids[job, each.student, text] = each.id
            self.graded[each.id] = {criterion.title: rating_of(text) for criterion in self.jobs[job].criteria}
            self.owner[each.id] = each.student

    @precondition(lambda self: Wish.PAUSE in self.wishes.values())
    @rule(data=st.data())
    def resume_a_paused_one_and_do_the_rest(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from([job for job, wish in self.wishes.items() if wish is Wish.PAUSE]))
        desk, before = Desk(self.store, self.jobs[job], self.hand), self.store.recorded(job)
        self.wishes[job] = desk.book.wish(job, Wish.RUN, actor="ta1").wish
        for number in range(desk.book.job(job).chunks):
            grade_chunk(desk, job, number)
        kept = self.store.recorded(job)
        assert [each.id for each in kept[: len(before)]] == [each.id for each in before]
        self.note(job, kept[len(before) :])
        parked = {each.student for each in desk.book.progress(job).parked}
        assert set(self.members[job]) <= {each.student for each in kept} | parked | set(self.forgotten)

    @precondition(lambda self: set(self.wishes.values()) - {Wish.RUN})
    @rule(data=st.data())
    def a_worker_that_has_not_heard_of_the_pause_cannot_end_it(self, data: st.DataObject) -> None:
        book = JobBook(self.store.database)
        job = book.job(data.draw(st.sampled_from([job for job, wish in self.wishes.items() if wish is not Wish.RUN])))
        book.finish(job.model_copy(update={"wish": Wish.RUN}))
        assert book.job(job.id) == job

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), wish=st.sampled_from(Wish))
    def pause_resume_or_cancel_it(self, data: st.DataObject, wish: Wish) -> None:
        job = data.draw(st.sampled_from(list(self.jobs)))
        if self.wishes[job] is not Wish.CANCEL:
            self.wishes[job] = wish
        assert JobBook(self.store.database).wish(job, wish, actor="ta1").wish is self.wishes[job]

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def a_round_of_it_is_begun_again_by_itself(self, data: st.DataObject) -> None:
        book, job = JobBook(self.store.database), data.draw(st.sampled_from(list(self.jobs)))
        told = book.job(job)
        book.begin_again(told)
        assert book.job(job).round == told.round + (self.wishes[job] is Wish.RUN)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = open_store(self.url)

    @invariant()
    def the_chain_verifies_and_nothing_is_lost_or_changed(self) -> None:
        assert self.store.verify().faults == ()
        for kept, machine in self.graded.items():
            history = self.store.history(kept)
            assert [each.title for each in history.lab.criteria] == list(machine)
            if self.owner[kept] in self.forgotten:
                assert history.grade.grade is None and history.ratings == {}
                continue
            overrides = [(each.request, each.old, each.new, each.id) for each in history.overrides]
            assert overrides == self.changed.get(kept, [])
            assert history.grade.grade is not None
            assert {each.criterion: each.rating for each in history.grade.grade.criteria} == machine
            assert history.ratings == machine | ({COMPILES: overrides[-1][2]} if overrides else {})
        for job, wish in self.wishes.items():
            state = JobBook(self.store.database).progress(job).state
            assert state in STATES[wish]
        for request in ("r1", "r2", "r3", *self.jobs):
            mine = [kept for (asked, _, _), kept in self.ids.items() if asked == request]
            assert [each.id for each in self.store.recorded(request)] == mine


class Service(Regrades):
    """And of all else that is asked of the store beside them."""

    @rule(student=STUDENTS, request=REQUESTS, text=TEXTS, rating=RATINGS)
    def submit_or_retry_or_regrade(self, student: str, request: str, text: str, rating: str) -> None:
        someone = self.pseudonym(student)
        kept = self.hand.grade(self.store, someone, request=request, text=text, rating=rating)
        if self.ids.setdefault((request, someone, text), kept) == kept and kept not in self.graded:
            self.graded[kept] = {each.title: rating for each in self.hand.lab.criteria}
            self.owner[kept] = someone
        assert self.ids[request, someone, text] == kept

    @precondition(lambda self: self.forgotten)
    @rule(data=st.data(), request=REQUESTS)
    def a_job_that_did_not_hear_of_the_forgetting(self, data: st.DataObject, request: str) -> None:
        assert self.hand.grade(self.store, data.draw(st.sampled_from(self.forgotten)), request=request) is None

    @precondition(lambda self: self.graded)
    @rule(data=st.data(), rating=RATINGS, request=REQUESTS)
    def override(self, data: st.DataObject, rating: str, request: str) -> None:
        kept = data.draw(st.sampled_from(list(self.graded)))
        how: dict[str, str] = {"request": request, "actor": "ta1"}
        if self.owner[kept] in self.forgotten:
            with pytest.raises(ForgottenError):
                self.store.override(kept, COMPILES, rating, "why", **how)
            return
        made = self.store.override(kept, COMPILES, rating, "why", **how)
        list_ = self.changed.setdefault(kept, [])
        earlier = [each for each in list_ if each[0] == request]
        if not earlier:
            list_.append((request, list_[-1][2] if list_ else self.graded[kept][COMPILES], rating, made.id))
        assert (made.request, made.old, made.new, made.id) == (earlier or list_[-1:])[0]

    @rule(key=st.sampled_from(["k1", "k2"]), body=st.sampled_from(["b1", "b2"]), student=STUDENTS)
    def ask_with_an_idempotency_key(self, key: str, body: str, student: str) -> None:
        someone = self.pseudonym(student)
        known = self.answers.get(key)
        if known and known[0] != body:
            with pytest.raises(OtherBodyError):
                self.store.idempotent("scope", key, body, student=someone)
            return
        claim = self.store.idempotent("scope", key, body, student=someone)
        assert claim.answer == (known[1] if known else None)
        if not known:
            self.answers[key] = (body, self.store.answered(claim, f"{body} {claim.request}"), someone)

    @rule()
    def edit_the_rubric(self) -> None:
        self.hand.lab = self.labs[self.hand.lab == self.labs[0]]

    @rule(student=STUDENTS, text=TEXTS)
    def crash_before_the_commit(self, student: str, text: str) -> None:
        work = self.hand.written_by(self.pseudonym(student), text)
        with pytest.raises(CrashError), write(self.store.database, self.store._now()) as ledger:
            given = [self.hand.graded(self.hand.lab, work)]
            grades.record(ledger, self.hand.lab, [work], given, request="crashed", actor="job")
            students.forget(ledger, work.student, "admin")
            ledger.close()
            ledger.connection.invalidate()  # the connection is gone, as after a kill
            raise CrashError
        assert self.store.recorded("crashed") == []


@pytest.mark.parametrize(
    ("machine", "examples", "steps"),
    [
        (Service, 2, 12),
        (Regrades, 5, 12),
        pytest.param(Service, 8, 20, marks=pytest.mark.slow),
        pytest.param(Regrades, 15, 15, marks=pytest.mark.slow),
    ],
)
def test_whatever_happens_the_store_holds_what_it_should(
    new_url: Callable[[], str], hand: Any, machine: type[Regrades], examples: int, steps: int
) -> None:
    lab = hand.lab

    def fresh() -> Regrades:
        hand.lab = lab
        return machine(new_url, hand)

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        fresh,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
