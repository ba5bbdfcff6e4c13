"""A chunk when grading fails, when the process ends in the middle, and when a person pauses, resumes or cancels."""

from collections.abc import Sequence
from typing import Any

import pytest

from labs_schema.grades import Grade
from labs_schema.limits import RetryLimits
from labs_schema.models import Lab, Submission
from serving.engines.engine import EngineDownError
from serving.grading.retries import PROBE
from serving.jobs.attempts import CRASHED
from serving.jobs.chunk import grade_chunk
from serving.jobs.errors import WorkerStoppedError
from serving.jobs.job import Job, RequestedState, State
from serving.jobs.results.results import ungraded_results

LIMITS = RetryLimits()


def run_until_settled(backend: Any, job: Job, chunk: int) -> int:
    """Calls it again after every end of the process, as a worker does. Returns how often the process ended."""
    ends = 0
    while True:
        try:
            grade_chunk(backend, job.id, chunk)
            return ends
        except backend.killed:
            ends += 1


def down(*_: object) -> list[Grade]:
    raise EngineDownError("no server answered")


def test_a_chunk_is_graded_in_one_call_and_never_again(backend: Any) -> None:
    job = backend.add(chunk=4)
    for chunk in (0, 1, 0, 1):
        grade_chunk(backend, job.id, chunk)
    assert backend.calls == [4, 2]
    progress = backend.jobs.progress(job.id)
    assert (progress.graded, progress.parked, progress.seconds_left) == (6, (), 0.0)
    assert len({stored.student for stored in backend.store.read_grades(job.id)}) == 6


def test_a_failing_submission_is_isolated_once_then_tried_alone_then_parked(backend: Any) -> None:
    job = backend.add(chunk=4)
    backend.poison = {backend.text(1)}
    grade_chunk(backend, job.id, 0)
    progress = backend.jobs.progress(job.id)
    assert progress.graded == 3 and len(progress.parked) == 1
    isolation, attempts = [1] * 4, [1] * (LIMITS.failures - 1)
    probes = [1] * LIMITS.failures
    assert backend.calls == [4, *isolation, *attempts, *probes]
    assert progress.parked[0].reason == "RuntimeError"  # its text may quote a program
    grade_chunk(backend, job.id, 0)
    assert backend.jobs.progress(job.id) == progress


@pytest.fixture
def group(backend: Any) -> tuple[str, ...]:
    """The members of the second submission."""
    members = ("s001", "s101", "s102")
    first, second, *others = backend.known.submissions
    grouped = second.model_copy(update={"members": members})
    backend.known = backend.known.model_copy(update={"submissions": (first, grouped, *others)})
    return members


def test_a_failing_group_is_retried_as_one_submission(backend: Any, group: tuple[str, ...]) -> None:
    job = backend.add(chunk=4)
    backend.poison = {backend.text(1)}
    grade_chunk(backend, job.id, 0)
    progress = backend.jobs.progress(job.id)
    assert (progress.graded, len(progress.parked)) == (3, len(group))
    isolation, attempts_and_probes = [1] * 4, [1] * (LIMITS.failures - 1 + LIMITS.failures)
    assert backend.calls == [4, *isolation, *attempts_and_probes]


def test_a_group_graded_alone_gives_every_member_the_grade(backend: Any, group: tuple[str, ...]) -> None:
    job = backend.add(chunk=4)
    backend.deadly = {backend.text(1)}
    with pytest.raises(backend.killed):
        grade_chunk(backend, job.id, 0)
    backend.deadly = set()
    grade_chunk(backend, job.id, 0)
    progress = backend.jobs.progress(job.id)
    assert (progress.graded, progress.parked) == (3 + len(group), ())
    assert backend.calls == [4, 1, 1, 1, 1]
    assert backend.store.verify().faults == ()


def test_submission_that_kills_the_process_is_isolated_and_parked(backend: Any) -> None:
    job = backend.add(chunk=4)
    backend.deadly = {backend.text(2)}
    assert run_until_settled(backend, job, 0) == 1 + LIMITS.crashes
    progress = backend.jobs.progress(job.id)
    assert progress.graded == 3 and [parked.reason for parked in progress.parked] == [CRASHED]


def test_kills_of_the_process_park_no_submission(backend: Any) -> None:
    job = backend.add(chunk=4)
    kills = iter([True, False, True, False, False, True])
    grade = backend.grade

    def killed_at_times(lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        if next(kills, False):
            raise backend.killed
        return grade(lab, submissions)

    backend.grade = killed_at_times
    assert run_until_settled(backend, job, 0) == 3
    progress = backend.jobs.progress(job.id)
    assert (progress.graded, progress.parked) == (4, ())


def test_pause_stops_a_job_and_resume_retries_parked_submissions(backend: Any) -> None:
    job = backend.add(chunk=4)
    backend.poison = {backend.text(0)}
    grade_chunk(backend, job.id, 0)
    backend.jobs.request(job.id, RequestedState.PAUSE, actor="ta")
    grade_chunk(backend, job.id, 1)
    paused = backend.jobs.progress(job.id)
    assert (paused.state, paused.graded, len(paused.parked)) == (State.PAUSED, 3, 1)
    backend.poison = set()
    assert backend.jobs.request(job.id, RequestedState.RUN, actor="ta").generation == 2
    for chunk in (0, 1):
        grade_chunk(backend, job.id, chunk)
    backend.jobs.finish(backend.jobs.job(job.id))
    done = backend.jobs.progress(job.id)
    assert (done.state, done.graded, done.parked) == (State.DONE, 6, ())


def test_resumed_job_does_not_retry_a_submission_that_a_person_rated(backend: Any) -> None:
    job = backend.add(chunk=4)
    backend.poison = {backend.text(0)}
    for chunk in (0, 1):
        grade_chunk(backend, job.id, chunk)
    backend.jobs.finish(backend.jobs.job(job.id))
    [parked] = ungraded_results(backend.store, job)
    for criterion in backend.known.criteria:
        backend.store.record_override(parked.grade_id, criterion.title, "A", "", request="r", actor="ta")
    backend.poison = set()
    assert backend.jobs.request(job.id, RequestedState.RUN, actor="ta").generation == 1
    [rated] = ungraded_results(backend.store, job)
    assert set(rated.ratings.values()) == {"A"} and set(rated.overridden) == rated.ratings.keys()


def test_cancelled_job_grades_nothing_and_stays_cancelled(backend: Any) -> None:
    job = backend.add(chunk=4)
    backend.jobs.request(job.id, RequestedState.CANCEL, actor="ta")
    grade_chunk(backend, job.id, 0)
    assert backend.calls == []
    assert backend.jobs.request(job.id, RequestedState.RUN, actor="ta").requested is RequestedState.CANCEL
    assert backend.jobs.progress(job.id).state is State.CANCELLED


def test_a_forgotten_student_is_not_graded_again(backend: Any) -> None:
    job = backend.add(chunk=4)
    backend.store.forget_student("s001", actor="admin")
    grade_chunk(backend, job.id, 0)
    assert backend.jobs.progress(job.id).graded == 3
    assert backend.store.verify().faults == ()


def test_audit_chain_is_valid_with_job_requests(backend: Any) -> None:
    job = backend.add(chunk=4)
    backend.jobs.request(job.id, RequestedState.PAUSE, actor="ta")
    assert backend.store.verify().faults == ()
    assert backend.jobs.job(job.id).requested is RequestedState.PAUSE


@pytest.mark.parametrize("suspects", [False, True])
def test_an_engine_outage_of_any_length_parks_no_submission(backend: Any, suspects: bool) -> None:
    job, grade = backend.add(chunk=4), backend.grade
    if suspects:
        backend.deadly = {backend.text(0)}
        with pytest.raises(backend.killed):
            grade_chunk(backend, job.id, 0)
        backend.deadly = set()
    backend.grade = down
    for _ in range(5 * LIMITS.crashes):
        with pytest.raises(EngineDownError):
            grade_chunk(backend, job.id, 0)
    backend.grade = grade
    grade_chunk(backend, job.id, 0)
    progress = backend.jobs.progress(job.id)
    assert (progress.graded, progress.parked) == (4, ())


def test_an_engine_that_fails_for_every_program_parks_no_submission(backend: Any) -> None:
    job = backend.add(chunk=4)
    backend.poison = {PROBE.files[0].text, *(each.files[0].text for each in backend.known.submissions)}
    for _ in range(2 * LIMITS.failures):
        with pytest.raises(EngineDownError):
            grade_chunk(backend, job.id, 0)
    backend.poison = set()
    grade_chunk(backend, job.id, 0)
    progress = backend.jobs.progress(job.id)
    assert (progress.graded, progress.parked) == (4, ())


def test_a_submission_that_brings_the_engine_down_each_time_is_parked(backend: Any) -> None:
    job, grade, poison = backend.add(chunk=4), backend.grade, backend.text(1)

    def dies(lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        if poison in {submission.files[0].text for submission in submissions}:
            raise EngineDownError("it died of this program, and is up again at the next call")
        return grade(lab, submissions)

    backend.grade = dies
    for _ in range(1 + LIMITS.crashes):
        with pytest.raises(EngineDownError):
            grade_chunk(backend, job.id, 0)
    grade_chunk(backend, job.id, 0)
    progress = backend.jobs.progress(job.id)
    assert (progress.graded, len(progress.parked)) == (3, 1)


def test_interrupted_batch_is_graded_as_a_batch_again(backend: Any) -> None:
    job, grade = backend.add(chunk=4), backend.grade

    def stopped(*_: object) -> list[Grade]:
        raise WorkerStoppedError("stopped")

    backend.grade = stopped
    with pytest.raises(WorkerStoppedError):
        grade_chunk(backend, job.id, 0)
    backend.grade = grade
    grade_chunk(backend, job.id, 0)
    assert backend.calls == [4]


def test_stops_while_a_submission_is_graded_alone_park_nothing(backend: Any) -> None:
    job, grade = backend.add(chunk=4), backend.grade
    backend.jobs.attempts.start_batch(job.id, backend.jobs.members(job, 0))

    def stopped(lab: Lab, submissions: Sequence[Submission]) -> Any:
        if submissions == [PROBE]:
            return grade(lab, submissions)
        raise WorkerStoppedError("stopped")

    backend.grade = stopped
    for _ in range(4 * RetryLimits().crashes + 1):
        with pytest.raises(WorkerStoppedError):
            grade_chunk(backend, job.id, 0)
    backend.grade = grade
    grade_chunk(backend, job.id, 0)
    progress = backend.jobs.progress(job.id)
    assert (progress.graded, progress.parked) == (4, ())


def test_a_grade_that_cannot_be_stored_is_parked(backend: Any) -> None:
    job, grade, wrong = backend.add(chunk=4), backend.grade, backend.text(1)

    def of_other_work(lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        given = grade(lab, submissions)
        other = {"provenance": given[0].provenance.model_copy(update={"submission_hash": "1"})}
        return [
            g.model_copy(update=other if s.files[0].text == wrong else {})
            for s, g in zip(submissions, given, strict=True)
        ]

    backend.grade = of_other_work
    grade_chunk(backend, job.id, 0)
    progress = backend.jobs.progress(job.id)
    assert (progress.graded, [each.reason for each in progress.parked]) == (3, ["ValueError"])


def test_only_the_current_generation_can_be_finished(backend: Any) -> None:
    first = backend.add(chunk=4)
    backend.jobs.request(first.id, RequestedState.PAUSE, actor="ta")
    backend.jobs.finish(first)
    assert backend.jobs.progress(first.id).state is State.PAUSED
    second = backend.jobs.request(first.id, RequestedState.RUN, actor="ta")
    assert backend.jobs.request(first.id, RequestedState.RUN, actor="ta") == second  # two resumes are one generation
    backend.jobs.finish(first, "too late")
    assert backend.jobs.progress(first.id).state is State.QUEUED
    backend.jobs.finish(second, "broken")
    assert backend.jobs.progress(first.id).state is State.FAILED
    grade_chunk(backend, first.id, 0)
    assert backend.calls == []
    assert backend.jobs.request(first.id, RequestedState.RUN, actor="ta").generation == 3
    grade_chunk(backend, first.id, 0)
    assert backend.calls == [4]


def test_parked_submission_graded_by_a_slower_worker_counts_as_graded(backend: Any, grade_of: Any) -> None:
    job = backend.add(chunk=4)
    backend.poison = {backend.text(0)}
    grade_chunk(backend, job.id, 0)
    [parked] = backend.jobs.progress(job.id).parked
    late = backend.known.submissions[0].model_copy(update={"student": parked.student})
    given = [grade_of(backend.known, late)]
    backend.store.record_grades(backend.known, [late], given, request=job.id, actor="job")
    progress = backend.jobs.progress(job.id)
    assert (progress.graded, progress.parked) == (4, ())
    backend.jobs.finish(job)
    assert backend.jobs.request(job.id, RequestedState.RUN, actor="ta").generation == 1
