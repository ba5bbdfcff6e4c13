"""What becomes of a chunk when grading raises, when the process ends in the middle, and when a person changes plans."""

from collections.abc import Sequence
from typing import Any

import pytest

from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.engines.engine import EngineDownError
from serving.jobs.chunk import DEATHS, FAILURES, grade_chunk
from serving.jobs.job import Job, RequestedState, State


def run_until_settled(desk: Any, job: Job, chunk: int) -> int:
    """As the queue does: called again after every end of the process. How often it ended."""
    ends = 0
    while True:
        try:
            grade_chunk(desk, job.id, chunk)
            return ends
        except desk.killed:
            ends += 1


def test_a_chunk_is_graded_in_one_call_and_a_second_time_in_none(desk: Any) -> None:
    job = desk.add(chunk=4)
    for chunk in (0, 1, 0, 1):
        grade_chunk(desk, job.id, chunk)
    assert desk.calls == [4, 2]
    progress = desk.book.progress(job.id)
    assert (progress.graded, progress.parked, progress.seconds_left) == (6, (), 0.0)
    assert len({stored.student for stored in desk.store.read_grades(job.id)}) == 6


def test_one_that_raises_is_parked_after_its_tries_and_the_rest_goes_on(desk: Any) -> None:
    job = desk.add(chunk=4)
    desk.poison = {desk.text(1)}
    grade_chunk(desk, job.id, 0)
    progress = desk.book.progress(job.id)
    assert progress.graded == 3 and len(progress.parked) == 1
    assert desk.calls == [4, *[1] * (3 + FAILURES)]
    assert progress.parked[0].reason == "RuntimeError"  # its text may be a piece of a program
    grade_chunk(desk, job.id, 0)
    assert desk.book.progress(job.id) == progress


def test_one_that_ends_the_process_is_found_and_parked(desk: Any) -> None:
    job = desk.add(chunk=4)
    desk.deadly = {desk.text(2)}
    ends = run_until_settled(desk, job, 0)
    progress = desk.book.progress(job.id)
    assert ends == 1 + DEATHS
    assert progress.graded == 3 and [parked.reason for parked in progress.parked] == [
        "the process or its engine ended while it was graded"
    ]


def test_the_innocent_are_graded_though_the_process_is_killed_around_them(desk: Any) -> None:
    job = desk.add(chunk=4)
    kills = iter([True, False, True, False, False, True])
    grade = desk.grade

    def killed_at_times(lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        if next(kills, False):
            raise desk.killed
        return grade(lab, submissions)

    desk.grade = killed_at_times
    assert run_until_settled(desk, job, 0) == 3
    assert desk.book.progress(job.id).graded == 4
    assert not desk.book.progress(job.id).parked


def test_a_job_that_is_paused_stops_and_one_that_is_resumed_does_the_rest_and_retries_the_parked(
    desk: Any,
) -> None:
    job = desk.add(chunk=4)
    desk.poison = {desk.text(0)}
    grade_chunk(desk, job.id, 0)
    desk.book.wish(job.id, RequestedState.PAUSE, actor="ta")
    grade_chunk(desk, job.id, 1)
    paused = desk.book.progress(job.id)
    assert (paused.state, paused.graded, len(paused.parked)) == (State.PAUSED, 3, 1)
    desk.poison = set()
    assert desk.book.wish(job.id, RequestedState.RUN, actor="ta").round == 2
    for chunk in (0, 1):
        grade_chunk(desk, job.id, chunk)
    desk.book.finish(desk.book.job(job.id))
    done = desk.book.progress(job.id)
    assert (done.state, done.graded, done.parked) == (State.DONE, 6, ())


def test_a_cancelled_job_grades_nothing_more_and_stays_cancelled(desk: Any) -> None:
    job = desk.add(chunk=4)
    desk.book.wish(job.id, RequestedState.CANCEL, actor="ta")
    grade_chunk(desk, job.id, 0)
    assert desk.calls == []
    assert desk.book.wish(job.id, RequestedState.RUN, actor="ta").wish is RequestedState.CANCEL
    assert desk.book.progress(job.id).state is State.CANCELLED


def test_a_forgotten_student_is_not_graded_again(desk: Any) -> None:
    job = desk.add(chunk=4)
    desk.store.forget_student("s001", actor="admin")
    grade_chunk(desk, job.id, 0)
    assert desk.book.progress(job.id).graded == 3
    assert desk.store.verify().faults == ()


def test_a_reader_of_the_audit_log_sees_who_began_and_paused_a_job(desk: Any) -> None:
    job = desk.add(chunk=4)
    desk.book.wish(job.id, RequestedState.PAUSE, actor="somebody")
    assert desk.store.verify().faults == ()
    assert desk.book.job(job.id).wish is RequestedState.PAUSE


def test_an_engine_that_is_down_is_held_against_nobody(desk: Any) -> None:
    job, grade = desk.add(chunk=4), desk.grade

    def down(*_: object) -> list[Grade]:
        raise EngineDownError("no server answered")

    desk.grade = down
    for _ in range(DEATHS):
        with pytest.raises(EngineDownError):
            grade_chunk(desk, job.id, 0)
    assert not desk.book.progress(job.id).parked
    desk.grade = grade
    grade_chunk(desk, job.id, 0)
    assert desk.book.progress(job.id).graded == 4


def test_an_engine_that_is_down_for_hours_parks_nobody_not_even_one_that_was_a_suspect(desk: Any) -> None:
    job = desk.add(chunk=1)
    grade = desk.grade
    desk.deadly = {desk.text(0)}
    with pytest.raises(desk.killed):
        grade_chunk(desk, job.id, 0)
    desk.deadly = set()

    def down(*_: object) -> list[Grade]:
        raise EngineDownError("no server answered")

    desk.grade = down
    for _ in range(5 * DEATHS):
        with pytest.raises(EngineDownError):
            grade_chunk(desk, job.id, 0)
    desk.grade = grade
    grade_chunk(desk, job.id, 0)
    progress = desk.book.progress(job.id)
    assert (progress.graded, progress.parked) == (1, ())


def test_one_that_takes_the_engine_down_each_time_is_parked(desk: Any) -> None:
    job, grade, poison = desk.add(chunk=4), desk.grade, desk.text(1)

    def dies(lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        if poison in {submission.files[0].text for submission in submissions}:
            raise EngineDownError("it died of this program, and is up again at the next call")
        return grade(lab, submissions)

    desk.grade = dies
    for _ in range(1 + DEATHS):
        with pytest.raises(EngineDownError):
            grade_chunk(desk, job.id, 0)
    grade_chunk(desk, job.id, 0)
    progress = desk.book.progress(job.id)
    assert (progress.graded, len(progress.parked)) == (3, 1)


def test_a_round_that_goes_on_by_itself_keeps_what_was_parked_and_a_persons_pause(desk: Any) -> None:
    first = desk.add(chunk=4)
    desk.poison = {desk.text(0)}
    grade_chunk(desk, first.id, 0)
    desk.book.begin_again(first)
    desk.book.begin_again(first)
    again = desk.book.progress(first.id)
    assert (again.job.round, again.state, len(again.parked)) == (2, State.RUNNING, 1)
    desk.book.wish(first.id, RequestedState.PAUSE, actor="ta")
    desk.book.begin_again(again.job)
    assert desk.book.job(first.id).round == 2


def test_a_grade_that_cannot_be_kept_is_parked_and_the_rest_goes_on(desk: Any) -> None:
    job, grade, wrong = desk.add(chunk=4), desk.grade, desk.text(1)

    def of_other_work(lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        given = grade(lab, submissions)
        other = {"provenance": given[0].provenance.model_copy(update={"submission_hash": "1"})}
        return [
            g.model_copy(update=other if s.files[0].text == wrong else {})
            for s, g in zip(submissions, given, strict=True)
        ]

    desk.grade = of_other_work
    grade_chunk(desk, job.id, 0)
    progress = desk.book.progress(job.id)
    assert (progress.graded, [each.reason for each in progress.parked]) == (3, ["ValueError"])


def test_a_round_is_finished_only_as_it_was_begun(desk: Any) -> None:
    first = desk.add(chunk=4)
    desk.book.wish(first.id, RequestedState.PAUSE, actor="ta")
    desk.book.finish(first)
    assert desk.book.progress(first.id).state is State.PAUSED
    second = desk.book.wish(first.id, RequestedState.RUN, actor="ta")
    assert desk.book.wish(first.id, RequestedState.RUN, actor="ta") == second  # two resumes are one round
    desk.book.finish(first, "too late")
    assert desk.book.progress(first.id).state is State.QUEUED
    desk.book.finish(second, "broken")
    assert desk.book.progress(first.id).state is State.FAILED
    grade_chunk(desk, first.id, 0)
    assert desk.calls == []  # a job that failed grades nothing more
    assert desk.book.wish(first.id, RequestedState.RUN, actor="ta").round == 3
    grade_chunk(desk, first.id, 0)
    assert desk.calls == [4]


def test_who_was_given_up_by_one_worker_and_graded_by_a_slower_one_is_graded(desk: Any, grade_of: Any) -> None:
    job = desk.add(chunk=4)
    desk.poison = {desk.text(0)}
    grade_chunk(desk, job.id, 0)
    [parked] = desk.book.progress(job.id).parked
    late = desk.known.submissions[0].model_copy(update={"student": parked.student})
    given = [grade_of(desk.known, late)]
    desk.store.record_grades(desk.known, [late], given, request=job.id, actor="job")  # and is killed before it says so
    progress = desk.book.progress(job.id)
    assert (progress.graded, progress.parked) == (4, ())
    desk.book.finish(job)
    assert desk.book.wish(job.id, RequestedState.RUN, actor="ta").round == 1
