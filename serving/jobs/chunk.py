"""A chunk of a job: the submissions that wait in it are graded and kept. Run again after a crash, it does the rest.

A submission that breaks the grader must not hold up the others, and is found like this: all are tried together; where
that fails, or ended with the process, each of them is tried alone, those with the least against them first. One that
fails alone three times is parked with its reason. A process that ends is no proof, as it may have been killed: so that
counts less. Nor is an engine that was down already: so before a suspect is tried again, the engine is asked something
harmless.
"""

from collections.abc import Sequence
from typing import Protocol

from labs_schema.errors import GraderError
from labs_schema.grades import Grade
from labs_schema.models import Lab, SourceFile, Submission
from serving.courses.errors import ElsewhereError
from serving.engines.engine import EngineDownError
from serving.jobs.errors import OtherModelError
from serving.jobs.job import Job, RequestedState
from serving.jobs.origin import origin_of, pin
from serving.jobs.repository import JobRepository
from serving.store.errors import StoreError
from serving.store.store import Store

FAILURES = 3
DEATHS = 6
"""Begun alone so often, and neither graded nor failed: the process or the engine must have ended each time."""
NOBODYS_FAULT = (EngineDownError, StoreError, OtherModelError, ElsewhereError)
"""Says as little about a submission as a process that ended, and counts like that: the chunk is tried again."""
HARMLESS = Submission(
    student="nobody", folder="nobody", files=(SourceFile(path="main.c", text="int main(void) { return 0; }\n"),)
)


class GradingBackend(Protocol):
    """What a worker grades with. `lab` raises LabChangedError where it is not as it was when the job began, and
    ElsewhereError, as `grade` may, where the job's course is not graded here."""

    store: Store
    book: JobRepository

    def lab(self, job: Job) -> Lab: ...

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        """May raise anything: then nothing of it counts."""
        ...


def grade_chunk(desk: GradingBackend, job_id: str, number: int) -> None:
    """Settles the submissions of chunk `number` (from 0), unless a person wished otherwise meanwhile.

    Raises OtherModelError where the desk grades with another model than the job was begun with, EngineDownError,
    StoreError, and what `desk.lab` raises.
    """
    book, job = desk.book, desk.book.job(job_id)
    members = book.members(job, number)
    if book.settled(job.id, members).issuperset(members):
        return  # whoever has the lab, or not
    lab = desk.lab(job)
    waiting = waiting_in(book, job, lab, number)
    held = book.tries.of(job.id, list(waiting))
    together = [submission for pseudonym, submission in waiting.items() if pseudonym not in held]
    if together and _wanted(book, job):
        _grade_together(desk, job, lab, together)
    held = book.tries.of(job.id, list(waiting))
    suspects = [s for p, s in waiting.items() if p in held and p not in book.settled(job.id, [p])]
    for submission in sorted(suspects, key=lambda each: held[each.student].alone):
        _grade_alone(desk, job, lab, submission)


def _wanted(book: JobRepository, job: Job) -> bool:
    now = book.job(job.id)
    return now.wish is RequestedState.RUN and now.round == job.round and now.finished_at is None


def waiting_in(book: JobRepository, job: Job, lab: Lab, number: int) -> dict[str, Submission]:
    """Pseudonym -> submission under that name, of what is not settled yet in chunk `number`."""
    pseudonyms = book.members(job, number)
    settled = book.settled(job.id, pseudonyms)
    submissions = lab.submissions[number * job.chunk :][: job.chunk]
    return {
        pseudonym: submission.model_copy(update={"student": pseudonym, "folder": pseudonym})
        for pseudonym, submission in zip(pseudonyms, submissions, strict=True)
        if pseudonym not in settled
    }


def _grade_together(desk: GradingBackend, job: Job, lab: Lab, submissions: Sequence[Submission]) -> None:
    pseudonyms = [submission.student for submission in submissions]
    desk.book.tries.begin(job.id, pseudonyms)
    try:
        _grade(desk, job, lab, submissions)
    except NOBODYS_FAULT:
        raise
    except Exception:
        return


def _grade_alone(desk: GradingBackend, job: Job, lab: Lab, submission: Submission) -> None:
    book, pseudonym = desk.book, submission.student
    while _wanted(book, job):
        if (held := book.tries.of(job.id, [pseudonym]).get(pseudonym)) is None:
            return  # done by another worker, or begun anew, meanwhile
        if held.failed >= FAILURES or held.alone >= held.failed + DEATHS:
            book.tries.park(job.id, pseudonym)
            return
        if held.alone > held.failed:
            desk.grade(lab, [HARMLESS])
        book.tries.begin_alone(job.id, pseudonym)
        try:
            _grade(desk, job, lab, [submission])
            return
        except NOBODYS_FAULT:
            raise
        except Exception as error:
            book.tries.failed_alone(job.id, pseudonym, _told(error))


def _grade(desk: GradingBackend, job: Job, lab: Lab, submissions: Sequence[Submission]) -> None:
    """Grades them and keeps that. What cannot be kept, such as a grade of other work, is as bad as one that raised."""
    grades = desk.grade(lab, submissions)
    pin(desk.store.database, job.id, [origin_of(grade.provenance) for grade in grades])
    desk.store.record_grades(lab, submissions, grades, request=job.id, actor=f"job {job.id}")
    desk.book.tries.clear(job.id, [submission.student for submission in submissions])


def _told(error: Exception) -> str:
    """Of an error that is not ours only its kind: its text may hold a piece of somebody's program."""
    return str(error)[:300] if isinstance(error, GraderError) else type(error).__name__
