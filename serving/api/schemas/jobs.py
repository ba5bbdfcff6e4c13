"""Bodies of responses about jobs and about the history of grades."""

from collections.abc import Sequence

from pydantic import Field

from labs_schema.frozen import Frozen
from serving.api.schemas.grades import GradeResponse, LabWarning, grade_response, lab_warnings
from serving.api.schemas.regrade_requests import RegradeRequestRecord, regrade_request_record
from serving.jobs.job import Progress, State
from serving.store.grades.overrides import Action, History, StoredOverride
from serving.store.grades.regrade_records import RegradeRequest
from serving.store.store import Store


class ParkedSubmission(Frozen):
    """A student without a grade. `student` is null once forgotten.

    `code`: why there is no readable program; null if the job gave the submission up after repeated failures.
    """

    student: str | None = Field(description="The student's id, null once it was erased.")
    reason: str = Field(description="What failed.")
    code: str | None = Field(description="A stable name of the reason.")


class JobStatus(Frozen):
    id: str = Field(description="For `GET /jobs/{job_id}`.")
    lab: str = Field(description="The lab that is graded.")
    course: str = Field(description="The course of the lab.")
    state: State = Field(description="What the job does now, or how it ended.")
    started_at: str = Field(description="UTC, ISO 8601.")
    started_by: str = Field(description="The name of the API key.")
    finished_at: str | None = Field(description="UTC, ISO 8601; null until the job ends.")
    graded: int = Field(description="The number of students with a stored grade.")
    total: int = Field(description="The number of students.")
    parked: tuple[ParkedSubmission, ...] = Field(description="The students without a grade, with reasons.")
    warnings: tuple[LabWarning, ...] = Field(description="Issues of the lab when the job was started.")
    failure: str | None = Field(description="Why the job failed.")
    seconds_left: float | None = Field(description="Estimated from the progress so far; null if unknown.")


class JobList(Frozen):
    jobs: tuple[JobStatus, ...] = Field(description="Newest first.")


class OverrideRecord(Frozen):
    """A person's rating that replaced the one before, or another action on a criterion."""

    id: str = Field(description="The id of the override.")
    at: str = Field(description="UTC, ISO 8601.")
    by: str = Field(description="The name of the API key.")
    criterion: str = Field(description="The criterion's title.")
    old: str | None = Field(description="The rating before, null if the criterion was ungraded.")
    new: str | None = Field(description="The rating after it, null if the criterion is ungraded again.")
    why: str = Field(description="The person's reason or comment; may be empty.")
    action: Action = Field(
        default=Action.RATE,
        description="`accept`: confirmed the model's rating; `comment`: changed the comment only; `undo`: took an "
        "earlier record back; `conflict`: a choice from an outdated page, which changed nothing.",
    )


class GradeReference(Frozen):
    id: str = Field(description="For `GET /grades/{grade_id}`.")
    at: str = Field(description="UTC, ISO 8601.")
    by: str = Field(description="The name of the API key.")


class GradeHistory(Frozen):
    """The model's grade, people's overrides of it, and the student's other grades in this lab."""

    id: str = Field(description="The grade's id.")
    at: str = Field(description="UTC, ISO 8601.")
    by: str = Field(description="The name of the API key.")
    student: str | None = Field(description="The student's id, null if none was given or it was erased.")
    grade: GradeResponse | None = Field(description="The model's grade, null once the student was erased.")
    overrides: tuple[OverrideRecord, ...] = Field(description="People's ratings, oldest first.")
    regrade_requests: tuple[RegradeRequestRecord, ...] = Field(description="The student's requests, oldest first.")
    ratings: dict[str, str | None] = Field(description="Criterion -> current rating, null if ungraded.")
    others: tuple[GradeReference, ...] = Field(description="The student's other grades in this lab.")


def job_status(progress: Progress, store: Store) -> JobStatus:
    """Resolves the pseudonyms of parked submissions to the students' real ids."""
    job = progress.job
    parked = (
        ParkedSubmission(student=store.read_student(each.student).student, reason=each.reason, code=each.code)
        for each in progress.parked
    )
    return JobStatus(
        **job.model_dump(include={"id", "lab", "course", "finished_at", "total", "failure"}),
        state=progress.state,
        started_at=job.at,
        started_by=job.actor,
        graded=progress.graded,
        parked=tuple(parked),
        warnings=lab_warnings(job.warnings),
        seconds_left=progress.seconds_left,
    )


def override_record(given: StoredOverride) -> OverrideRecord:
    fields = given.model_dump(include={"id", "at", "criterion", "old", "new", "why", "action"})
    return OverrideRecord(**fields, by=given.actor)


def grade_history(found: History, student: str | None, requests: Sequence[RegradeRequest]) -> GradeHistory:
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
        regrade_requests=tuple(regrade_request_record(each, student) for each in requests),
        ratings=found.ratings,
        others=tuple(GradeReference(id=each.id, at=each.at, by=each.actor) for each in others),
    )
