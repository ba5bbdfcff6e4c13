"""Bodies of responses about jobs and about the history of grades."""

from pydantic import Field

from labs_schema.frozen import Frozen
from serving.api.schemas.grades import GradeResponse, grade_response
from serving.jobs.job import Progress, State
from serving.store.overrides import History, StoredOverride
from serving.store.store import Store


class ParkedSubmission(Frozen):
    """A student without a grade. `student` is null once forgotten.

    `code`: why there is no readable program; null if the job gave the submission up after repeated failures.
    """

    student: str | None
    reason: str
    code: str | None


class JobStatus(Frozen):
    id: str
    lab: str
    course: str
    state: State
    started_at: str
    started_by: str
    finished_at: str | None
    graded: int
    total: int
    parked: tuple[ParkedSubmission, ...]
    failure: str | None = Field(description="Why the job failed.")
    seconds_left: float | None = Field(description="Estimated from the progress so far; null if unknown.")


class JobList(Frozen):
    """Newest first."""

    jobs: tuple[JobStatus, ...]


class OverrideRecord(Frozen):
    """`old` is the rating before, null if the criterion was ungraded."""

    id: str
    at: str
    by: str
    criterion: str
    old: str | None
    new: str
    why: str


class GradeReference(Frozen):
    id: str
    at: str
    by: str


class GradeHistory(Frozen):
    """The machine's grade, people's overrides of it, and the student's other grades in this lab.

    `ratings`: criterion -> current rating. `student` is null if none was given, `grade` too once it was forgotten.
    """

    id: str
    at: str
    by: str
    student: str | None
    grade: GradeResponse | None
    overrides: tuple[OverrideRecord, ...]
    ratings: dict[str, str | None]
    others: tuple[GradeReference, ...]


def job_status(progress: Progress, store: Store) -> JobStatus:
    """Resolves the pseudonyms of parked submissions to the students' real ids."""
    job = progress.job
    parked = (
        ParkedSubmission(student=store.read_student(each.student).student, reason=each.reason, code=each.code)
        for each in progress.parked
    )
    return JobStatus(
        id=job.id,
        lab=job.lab,
        course=job.course,
        state=progress.state,
        started_at=job.at,
        started_by=job.actor,
        finished_at=job.finished_at,
        graded=progress.graded,
        total=job.total,
        parked=tuple(parked),
        failure=job.failure,
        seconds_left=progress.seconds_left,
    )


def override_record(given: StoredOverride) -> OverrideRecord:
    fields = given.model_dump(include={"id", "at", "criterion", "old", "new", "why"})
    return OverrideRecord(**fields, by=given.actor)


def grade_history(found: History, student: str | None) -> GradeHistory:
    """`student`: the real id; None for an anonymous submission, which has no other grades."""
    stored = found.grade
    others = found.regrades if student else ()
    return GradeHistory(
        id=stored.id,
        at=stored.at,
        by=stored.actor,
        student=student,
        grade=None if stored.grade is None else grade_response(found.lab, stored.grade, stored.id),
        overrides=tuple(map(override_record, found.overrides)),
        ratings=found.ratings,
        others=tuple(GradeReference(id=each.id, at=each.at, by=each.actor) for each in others),
    )
