"""What becomes of a chunk when grading raises, when the process ends in the middle, and when a person changes plans."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.models import Lab, Submission
from serving.engines.engine import EngineDownError
from serving.jobs.book import JobBook
from serving.jobs.chunk import DEATHS, FAILURES, grade_chunk
from serving.jobs.job import Job, State, Wish
from serving.store.store import Store, open_store


class Killed(BaseException):
    """The process ends here: nothing of ours runs any more."""


class FakeDesk:
    """Grades everything `A`, but for programs that `poison` (raises) or `deadly` (ends the process) name."""

    def __init__(self, store: Store, lab: Lab) -> None:
        self.store, self.book, self._lab = store, JobBook(store.database), lab
        self.poison: set[str] = set()
        self.deadly: set[str] = set()
        self.calls: list[int] = []

    def lab(self, _: Job | None = None) -> Lab:
        return self._lab

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        self.calls.append(len(submissions))
        texts = {submission.files[0].text for submission in submissions}
        if texts & self.deadly:
            raise Killed
        if texts & self.poison:
            raise RuntimeError("int main(void) is somebody's program")
        return [grade_of(lab, submission) for submission in submissions]


def grade_of(lab: Lab, submission: Submission) -> Grade:
    source = dict.fromkeys(Provenance.model_fields, "0")
    source |= {"rubric_hash": rubric_hash(lab), "submission_hash": submission_hash(submission)}
    criteria = tuple(CriterionGrade(criterion=c.title, rating=c.ratings[0].title) for c in lab.criteria)
    return Grade(lab=lab.name, student=submission.student, criteria=criteria, provenance=Provenance(**source))


@pytest.fixture
def desk(tmp_path: Path, make_lab: Callable[..., Lab]) -> Iterator[FakeDesk]:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    yield FakeDesk(store, make_lab(students=6))
    store.close()


def begin(desk: FakeDesk, chunk: int = 4) -> Job:
    return desk.book.add("course", desk.lab(), actor="ta", chunk=chunk)


def text_of(desk: FakeDesk, number: int) -> str:
    return desk._lab.submissions[number].files[0].text


def run_until_settled(desk: FakeDesk, job: Job, chunk: int) -> int:
    """As the queue does: called again after every end of the process. How often it ended."""
    ends = 0
    while True:
        try:
            grade_chunk(desk, job.id, chunk)
            return ends
        except Killed:
            ends += 1


def test_a_chunk_is_graded_in_one_call_and_a_second_time_in_none(desk: FakeDesk) -> None:
    job = begin(desk)
    for chunk in (0, 1, 0, 1):
        grade_chunk(desk, job.id, chunk)
    assert desk.calls == [4, 2]
    progress = desk.book.progress(job.id)
    assert (progress.graded, progress.parked, progress.seconds_left) == (6, (), 0.0)
    assert len({stored.student for stored in desk.store.recorded(job.id)}) == 6


def test_one_that_raises_is_parked_after_its_tries_and_the_rest_goes_on(desk: FakeDesk) -> None:
    job = begin(desk)
    desk.poison = {text_of(desk, 1)}
    grade_chunk(desk, job.id, 0)
    progress = desk.book.progress(job.id)
    assert progress.graded == 3 and len(progress.parked) == 1
    assert desk.calls == [4, *[1] * (3 + FAILURES)]
    assert progress.parked[0].reason == "RuntimeError"  # its text may be a piece of a program
    grade_chunk(desk, job.id, 0)
    assert desk.book.progress(job.id) == progress


def test_one_that_ends_the_process_is_found_and_parked(desk: FakeDesk) -> None:
    job = begin(desk)
    desk.deadly = {text_of(desk, 2)}
    ends = run_until_settled(desk, job, 0)
    progress = desk.book.progress(job.id)
    assert ends == 1 + DEATHS
    assert progress.graded == 3 and [parked.reason for parked in progress.parked] == [
        "the process or its engine ended while it was graded"
    ]


def test_the_innocent_are_graded_though_the_process_is_killed_around_them(desk: FakeDesk) -> None:
    job = begin(desk)
    kills = iter([True, False, True, False, False, True])
    grade = desk.grade

    def killed_at_times(lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        if next(kills, False):
            raise Killed
        return grade(lab, submissions)

    desk.grade = killed_at_times  # type: ignore[method-assign]
    assert run_until_settled(desk, job, 0) == 3
    assert desk.book.progress(job.id).graded == 4
    assert not desk.book.progress(job.id).parked


def test_a_job_that_is_paused_stops_and_one_that_is_resumed_does_the_rest_and_retries_the_parked(
    desk: FakeDesk,
) -> None:
    job = begin(desk)
    desk.poison = {text_of(desk, 0)}
    grade_chunk(desk, job.id, 0)
    desk.book.wish(job.id, Wish.PAUSE, actor="ta")
    grade_chunk(desk, job.id, 1)
    paused = desk.book.progress(job.id)
    assert (paused.state, paused.graded, len(paused.parked)) == (State.PAUSED, 3, 1)
    desk.poison = set()
    assert desk.book.wish(job.id, Wish.RUN, actor="ta").round == 2
    for chunk in (0, 1):
        grade_chunk(desk, job.id, chunk)
    desk.book.finish(desk.book.job(job.id))
    done = desk.book.progress(job.id)
    assert (done.state, done.graded, done.parked) == (State.DONE, 6, ())


def test_a_cancelled_job_grades_nothing_more_and_stays_cancelled(desk: FakeDesk) -> None:
    job = begin(desk)
    desk.book.wish(job.id, Wish.CANCEL, actor="ta")
    grade_chunk(desk, job.id, 0)
    assert desk.calls == []
    assert desk.book.wish(job.id, Wish.RUN, actor="ta").wish is Wish.CANCEL
    assert desk.book.progress(job.id).state is State.CANCELLED


def test_a_forgotten_student_is_not_graded_again(desk: FakeDesk) -> None:
    job = begin(desk)
    desk.store.forget("s001", actor="admin")
    grade_chunk(desk, job.id, 0)
    assert desk.book.progress(job.id).graded == 3
    assert desk.store.verify().faults == ()


def test_a_reader_of_the_audit_log_sees_who_began_and_paused_a_job(desk: FakeDesk) -> None:
    job = begin(desk)
    desk.book.wish(job.id, Wish.PAUSE, actor="somebody")
    assert desk.store.verify().faults == ()
    assert desk.book.job(job.id).wish is Wish.PAUSE


def test_an_engine_that_is_down_is_held_against_nobody(desk: FakeDesk) -> None:
    job, grade = begin(desk), desk.grade

    def down(*_: object) -> list[Grade]:
        raise EngineDownError("no server answered")

    desk.grade = down  # type: ignore[assignment, method-assign]
    for _ in range(DEATHS):
        with pytest.raises(EngineDownError):
            grade_chunk(desk, job.id, 0)
    assert not desk.book.progress(job.id).parked
    desk.grade = grade  # type: ignore[method-assign]
    grade_chunk(desk, job.id, 0)
    assert desk.book.progress(job.id).graded == 4


def test_an_engine_that_is_down_for_hours_parks_nobody_not_even_one_that_was_a_suspect(desk: FakeDesk) -> None:
    job = begin(desk, chunk=1)
    grade = desk.grade
    desk.deadly = {text_of(desk, 0)}
    with pytest.raises(Killed):
        grade_chunk(desk, job.id, 0)
    desk.deadly = set()

    def down(*_: object) -> list[Grade]:
        raise EngineDownError("no server answered")

    desk.grade = down  # type: ignore[assignment, method-assign]
    for _ in range(5 * DEATHS):
        with pytest.raises(EngineDownError):
            grade_chunk(desk, job.id, 0)
    desk.grade = grade  # type: ignore[method-assign]
    grade_chunk(desk, job.id, 0)
    progress = desk.book.progress(job.id)
    assert (progress.graded, progress.parked) == (1, ())


def test_one_that_takes_the_engine_down_each_time_is_parked(desk: FakeDesk) -> None:
    job, grade, poison = begin(desk), desk.grade, text_of(desk, 1)

    def dies(lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        if poison in {submission.files[0].text for submission in submissions}:
            raise EngineDownError("it died of this program, and is up again at the next call")
        return grade(lab, submissions)

    desk.grade = dies  # type: ignore[method-assign]
    for _ in range(1 + DEATHS):
        with pytest.raises(EngineDownError):
            grade_chunk(desk, job.id, 0)
    grade_chunk(desk, job.id, 0)
    progress = desk.book.progress(job.id)
    assert (progress.graded, len(progress.parked)) == (3, 1)


def test_a_round_that_goes_on_by_itself_keeps_what_was_parked_and_a_persons_pause(desk: FakeDesk) -> None:
    first = begin(desk)
    desk.poison = {text_of(desk, 0)}
    grade_chunk(desk, first.id, 0)
    desk.book.begin_again(first)
    desk.book.begin_again(first)
    again = desk.book.progress(first.id)
    assert (again.job.round, again.state, len(again.parked)) == (2, State.RUNNING, 1)
    desk.book.wish(first.id, Wish.PAUSE, actor="ta")
    desk.book.begin_again(again.job)
    assert desk.book.job(first.id).round == 2


def test_a_grade_that_cannot_be_kept_is_parked_and_the_rest_goes_on(desk: FakeDesk) -> None:
    job, grade, wrong = begin(desk), desk.grade, text_of(desk, 1)

    def of_other_work(lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        given = grade(lab, submissions)
        other = {"provenance": given[0].provenance.model_copy(update={"submission_hash": "1"})}
        return [
            g.model_copy(update=other if s.files[0].text == wrong else {})
            for s, g in zip(submissions, given, strict=True)
        ]

    desk.grade = of_other_work  # type: ignore[method-assign]
    grade_chunk(desk, job.id, 0)
    progress = desk.book.progress(job.id)
    assert (progress.graded, [each.reason for each in progress.parked]) == (3, ["ValueError"])


def test_a_round_is_finished_only_as_it_was_begun(desk: FakeDesk) -> None:
    first = begin(desk)
    desk.book.wish(first.id, Wish.PAUSE, actor="ta")
    desk.book.finish(first)
    assert desk.book.progress(first.id).state is State.PAUSED
    second = desk.book.wish(first.id, Wish.RUN, actor="ta")
    assert desk.book.wish(first.id, Wish.RUN, actor="ta") == second  # two resumes are one round
    desk.book.finish(first, "too late")
    assert desk.book.progress(first.id).state is State.QUEUED
    desk.book.finish(second, "broken")
    assert desk.book.progress(first.id).state is State.FAILED
    grade_chunk(desk, first.id, 0)
    assert desk.calls == []  # a job that failed grades nothing more
    assert desk.book.wish(first.id, Wish.RUN, actor="ta").round == 3
    grade_chunk(desk, first.id, 0)
    assert desk.calls == [4]
