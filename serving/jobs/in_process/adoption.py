"""Puts proposed grades in use, as the grades of a job, and takes them back."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from labs_schema.grades import Grade, Provenance
from labs_schema.hashes import observations_hash, submission_hash
from labs_schema.models import Lab, Submission
from serving.grading.retries import PROBE, all_ungraded
from serving.jobs.errors import LabChangedError
from serving.jobs.fingerprint import fingerprint_of
from serving.jobs.in_process.cli_jobs import grade_jobs
from serving.jobs.job import Job
from serving.jobs.job_lock import job_lock
from serving.jobs.repository import JobRepository
from serving.store.grades.grades import StoredGrade, read_lab, read_request_grades, read_student_grades, read_submission
from serving.store.store import Store

TAKEN_BACK = "The use of the proposed grade was undone, and no model had graded the submission before."


class ProposedGrader:
    """Gives the proposed grade of each submission, which it knows by its program: a job has other names."""

    def __init__(self, grades: Sequence[Grade]) -> None:
        self._grades = {_key(each.origin.submission_hash, each.origin.observations_hash): each for each in grades}

    def grade(self, lab: Lab, submissions: Sequence[Submission], *, reasoning: bool = False) -> list[Grade]:
        """Raises LabChangedError for a submission that has none."""
        del lab, reasoning
        return [self._of(each).model_copy(update={"student": each.student}) for each in submissions]

    def provenance(self, lab: Lab, submission: Submission, *, reasoning: bool = False) -> Provenance:
        del lab, reasoning
        return self._of(submission).origin

    def _of(self, submission: Submission) -> Grade:
        if submission.files == PROBE.files:  # after a failure a job checks its engine
            return next(iter(self._grades.values()))
        found = self._grades.get(_key(submission_hash(submission), observations_hash(submission)))
        if found is None:
            raise LabChangedError("The proposal has no grade of this submission.")
        return found


def adopt(store: Store, course: str, lab: Lab, grades: Sequence[Grade], *, proposal: str, actor: str) -> Job:
    """Stores the grades of a proposal as the current ones; people's decisions stay. A retry resumes.

    `proposal`: its id, which is the job's. Raises GraderError if another process is storing it.
    """
    jobs = JobRepository(store.database)
    fingerprint = fingerprint_of(grades[0].origin)
    job = jobs.add(course, lab, actor=actor, job_id=proposal, cli=True, fingerprint=fingerprint)
    if job.finished_at is None:
        with job_lock(store.database, [job.id]):
            grade_jobs(ProposedGrader(grades), store, {lab.name: (job, lab)}, lambda _: None)
            jobs.finish(job)
    return jobs.job(job.id)


def take_back(store: Store, course: str, lab: Lab, *, proposal: str, actor: str) -> Job:
    """Makes the grades before a proposal the current ones again: they are recorded once more. A retry resumes.

    Students who got a newer grade since keep it. `lab`: with the submissions of the job.
    """
    jobs = JobRepository(store.database)
    job = jobs.add(course, lab, actor=actor, job_id=f"undo{proposal}", cli=True, fingerprint=f"undo of {proposal}")
    if job.finished_at is None:
        with store.database.reading() as connection:
            adopted = [each for each in read_request_grades(connection, proposal) if each.by_model]
            earlier = [found for each in adopted if (found := _earlier(connection, each, job))]
        for rubric in {each.rubric for each in earlier}:
            same = [each for each in earlier if each.rubric == rubric]
            submissions, given = [each.submission for each in same], [each.grade for each in same]
            store.record_grades(same[0].lab, submissions, given, request=job.id, actor=f"job {job.id}")
        jobs.finish(job)
    return jobs.job(job.id)


class _Earlier(NamedTuple):
    """A grade to be recorded again. `rubric`: the version of `lab`."""

    rubric: str
    lab: Lab
    submission: Submission
    grade: Grade


def _earlier(connection: Connection, adopted: StoredGrade, job: Job) -> _Earlier | None:
    """The grade before `adopted`, or an ungraded one if it was the first. None if it is no longer the current grade,
    or the student was forgotten. Grades of `job` itself do not count: it may have been interrupted."""
    every = [g for g in read_student_grades(connection, adopted.student, adopted.lab) if g.request != job.id]
    if adopted.grade is None or every[-1].id != adopted.id:
        return None
    before = [each for each in every if each.seq < adopted.seq]
    source = before[-1] if before else adopted
    lab, submission = read_lab(connection, source.rubric), read_submission(connection, source.id)
    grade = source.grade if before else all_ungraded(lab.name, adopted.student, lab.criteria, TAKEN_BACK)
    return None if submission is None or grade is None else _Earlier(source.rubric, lab, submission, grade)


def _key(program: str, observed: str | None) -> tuple[str, str]:
    return program, observed or ""
