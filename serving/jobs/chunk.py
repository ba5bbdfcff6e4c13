"""Grades a chunk of a job and stores the result. Run again after a crash, it grades what is left.

A submission that breaks the grader must not stop the others. All are graded together first; one that fails, or whose
process ended while it was graded, is then graded alone, those with the fewest attempts first, and parked after
`RetryLimits.failures` errors or `RetryLimits.crashes` crashes. A crash is weaker evidence, as the process may have been
killed or the engine may have been down: so the engine must grade a harmless program before each further attempt.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from labs_schema.grades import Grade
from labs_schema.limits import RetryLimits
from labs_schema.models import Lab, Submission
from serving.courses.errors import ElsewhereError
from serving.engines.engine import EngineDownError
from serving.grading.retries import PROBE, Outcome, summary, without_model
from serving.jobs.attempts import AttemptLog, Attempts
from serving.jobs.errors import OtherModelError, WorkerStoppedError
from serving.jobs.fingerprint import fingerprint_of, pin_fingerprint
from serving.jobs.job import Job, RequestedState
from serving.jobs.repository import JobRepository
from serving.store.errors import StoreError
from serving.store.store import Store

SYSTEM_ERRORS = (EngineDownError, StoreError, OtherModelError, ElsewhereError, WorkerStoppedError)
"""Errors that are not a submission's failure. A submission that brings the engine down counts as a crash, though."""


class GradingBackend(Protocol):
    """Loads labs and grades submissions for a worker."""

    store: Store
    jobs: JobRepository

    def lab(self, job: Job) -> Lab:
        """Raises LabChangedError if it is not as it was when the job was created, ElsewhereError if this worker does
        not grade the course or does not have the lab."""
        ...

    def observe(self, job: Job, submissions: Sequence[Submission]) -> list[Submission]:
        """The submissions with the outcomes of their lab's checks, if it has any.

        Raises ObservationsPendingError while they are not known.
        """
        ...

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Outcome]:
        """The outcomes in order: a grade, or the error if the submission failed alone too. Raises `SYSTEM_ERRORS`."""
        ...


def grade_chunk(backend: GradingBackend, job_id: str, number: int) -> None:
    """Settles the submissions of chunk `number` (from 0), unless the job is paused, cancelled or resumed during it.

    Raises one of `SYSTEM_ERRORS` and what `backend.lab` and `backend.observe` raise.
    """
    jobs, job = backend.jobs, backend.jobs.job(job_id)
    members = jobs.members(job, number)
    if jobs.settled(job.id, members).issuperset(members):
        return  # even if this worker does not have the lab
    lab = backend.lab(job)
    waiting = _observed(backend, job, waiting_in(jobs, job, lab, number))
    started = jobs.attempts.of(job.id, list(waiting))
    batch = [submission for pseudonym, submission in waiting.items() if pseudonym not in started]
    if batch and _wanted(jobs, job):
        _grade_batch(backend, job, lab, batch)
    suspects = jobs.attempts.of(job.id, list(waiting))
    for pseudonym in sorted(suspects, key=lambda each: suspects[each].crashes + suspects[each].failures):
        if pseudonym not in jobs.settled(job.id, [pseudonym]):
            folder = waiting[pseudonym].folder
            _grade_alone(backend, job, lab, [each for each in waiting.values() if each.folder == folder])


def waiting_in(jobs: JobRepository, job: Job, lab: Lab, number: int) -> dict[str, Submission]:
    """Pseudonym -> submission under that name, for what is not settled yet in chunk `number`.

    Each member of a group has a copy; the copies share their `folder`.
    """
    positions = jobs.positions(job, number)
    settled = jobs.settled(job.id, list(positions))
    waiting: dict[str, Submission] = {}
    first: dict[int, str] = {}
    for pseudonym, position in positions.items():
        if pseudonym not in settled:
            names = {"student": pseudonym, "folder": first.setdefault(position, pseudonym), "members": ()}
            waiting[pseudonym] = lab.submissions[position].model_copy(update=names)
    return waiting


def _observed(backend: GradingBackend, job: Job, waiting: Mapping[str, Submission]) -> dict[str, Submission]:
    """`waiting` with what was observed; the members of a group share it."""
    groups = one_of_each_group(waiting.values())
    found = {each.folder: each for each in backend.observe(job, groups)}
    return {
        pseudonym: found[each.folder].model_copy(update={"student": each.student})
        for pseudonym, each in waiting.items()
    }


def one_of_each_group(waiting: Iterable[Submission]) -> list[Submission]:
    """Group work is graded once: the first copy of each submission."""
    return list({each.folder: each for each in reversed(list(waiting))}.values())[::-1]


def for_members(graded: Mapping[str, Grade], waiting: Iterable[Submission]) -> list[tuple[Submission, Grade]]:
    """The grades of all `waiting` copies. `graded`: folder -> the grade of one of them."""
    return [
        (each, graded[each.folder].model_copy(update={"student": each.student}))
        for each in waiting
        if each.folder in graded
    ]


def _wanted(jobs: JobRepository, job: Job) -> bool:
    now = jobs.job(job.id)
    return now.requested is RequestedState.RUN and now.generation == job.generation and now.finished_at is None


def _grade_batch(backend: GradingBackend, job: Job, lab: Lab, submissions: Sequence[Submission]) -> None:
    log, pseudonyms = backend.jobs.attempts, [submission.student for submission in submissions]
    log.start_batch(job.id, pseudonyms)
    groups = one_of_each_group(submissions)
    try:
        outcomes = dict(zip((each.folder for each in groups), backend.grade(lab, groups), strict=True))
    except WorkerStoppedError:
        log.clear(job.id, pseudonyms)
        raise
    try:
        graded = {folder: each for folder, each in outcomes.items() if isinstance(each, Grade)}
        record_graded(backend.store, job, lab, for_members(graded, submissions))
    except SYSTEM_ERRORS:
        raise
    except Exception:
        return  # one of them cannot be stored: each is graded and stored alone next
    for submission in submissions:
        if isinstance(outcome := outcomes[submission.folder], Exception):
            log.fail(job.id, [submission.student], summary(outcome), started=False)


def _grade_alone(backend: GradingBackend, job: Job, lab: Lab, copies: Sequence[Submission]) -> None:
    """`copies`: one submission under the name of each member of its group that waits for a grade."""
    log, limits = backend.jobs.attempts, RetryLimits()
    while _wanted(backend.jobs, job):
        attempts = log.of(job.id, [each.student for each in copies])
        copies = [each for each in copies if each.student in attempts]
        if not copies:
            return  # graded by another worker, or the job was resumed
        failures = max(each.failures for each in attempts.values())
        crashes = max(each.crashes for each in attempts.values())
        if failures or crashes:
            _check_engine(backend, lab)
        if failures >= limits.failures or crashes >= limits.crashes:
            _park(backend, job, lab, attempts)
            return
        log.start_alone(job.id, [*attempts])
        try:
            [outcome] = backend.grade(lab, copies[:1])
        except WorkerStoppedError:
            log.withdraw(job.id, [*attempts])
            raise
        try:
            if isinstance(outcome, Grade):
                record_graded(backend.store, job, lab, for_members({copies[0].folder: outcome}, copies))
                return
        except SYSTEM_ERRORS:
            raise
        except Exception as error:
            outcome = error
        log.fail(job.id, [*attempts], summary(outcome), started=True)


def _park(backend: GradingBackend, job: Job, lab: Lab, attempts: Mapping[str, Attempts]) -> None:
    """Gives up a submission under the names of its students. A person can rate it."""
    reasons = {student: f"parked: {each.reason}" for student, each in attempts.items()}
    backend.store.record_grades(lab, *without_model(lab, reasons), request=job.id, actor=f"job {job.id}")
    backend.jobs.attempts.park(job.id, [*attempts])


def _check_engine(backend: GradingBackend, lab: Lab) -> None:
    """Raises EngineDownError if a harmless program cannot be graded either."""
    [outcome] = backend.grade(lab, [PROBE])
    if isinstance(outcome, Exception):
        raise EngineDownError(f"The engine cannot grade any program: {summary(outcome)}.") from outcome


def record_graded(store: Store, job: Job, lab: Lab, graded: Sequence[tuple[Submission, Grade]]) -> None:
    """Stores grades of a job. Raises OtherModelError, ValueError for a grade of other work than the submission's."""
    if not graded:
        return
    submissions, grades = [submission for submission, _ in graded], [grade for _, grade in graded]
    pin_fingerprint(store.database, job.id, [fingerprint_of(grade.origin) for grade in grades])
    store.record_grades(lab, submissions, grades, request=job.id, actor=f"job {job.id}")
    AttemptLog(store.database).clear(job.id, [submission.student for submission in submissions])
