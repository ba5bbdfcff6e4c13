"""What the API answers of jobs and of grades as they are kept. Knows jobs and the store, no HTTP."""

from pydantic import Field

from labs_schema.frozen import Frozen
from serving.api.schemas.grades import GradeResponse, graded
from serving.jobs.job import Progress, State
from serving.store.overrides import History, StoredOverride
from serving.store.store import Store


class ParkedOut(Frozen):
    """A submission that was given up, so that the rest could go on. `student` is null once forgotten."""

    student: str | None
    reason: str


class JobOut(Frozen):
    id: str
    lab: str
    course: str
    state: State
    begun_at: str
    begun_by: str
    finished_at: str | None
    graded: int
    total: int
    parked: tuple[ParkedOut, ...]
    failure: str | None = Field(description="Why the job cannot go on.")
    seconds_left: float | None = Field(description="By what it took so far; null where nothing can be said yet.")


class JobList(Frozen):
    """The newest first."""

    jobs: tuple[JobOut, ...]


class OverrideOut(Frozen):
    """`old` is the rating that was in force before, null where the criterion was ungraded."""

    id: str
    at: str
    by: str
    criterion: str
    old: str | None
    new: str
    why: str


class OtherGrade(Frozen):
    id: str
    at: str
    by: str


class GradeHistory(Frozen):
    """A grade as it was given, what people made of it, and the other grades of the student in this lab. `ratings` are
    those in force now, by criterion. `student` and `grade` are null where there was no student, or once forgotten."""

    id: str
    at: str
    by: str
    student: str | None
    grade: GradeResponse | None
    overrides: tuple[OverrideOut, ...]
    ratings: dict[str, str | None]
    others: tuple[OtherGrade, ...]


def job_out(progress: Progress, store: Store) -> JobOut:
    """With the real ids of the students whose work was parked."""
    job = progress.job
    parked = (ParkedOut(student=store.read_student(p.student).student, reason=p.reason) for p in progress.parked)
    return JobOut(
        id=job.id,
        lab=job.lab,
        course=job.course,
        state=progress.state,
        begun_at=job.at,
        begun_by=job.actor,
        finished_at=job.finished_at,
        graded=progress.graded,
        total=job.total,
        parked=tuple(parked),
        failure=job.failure,
        seconds_left=progress.seconds_left,
    )


def override_out(given: StoredOverride) -> OverrideOut:
    told = given.model_dump(include={"id", "at", "criterion", "old", "new", "why"})
    return OverrideOut(**told, by=given.actor)


def history_out(found: History, student: str | None) -> GradeHistory:
    """`student`: the real id; None for nobody, whose other work is not told."""
    kept = found.grade
    others = found.regrades if student else ()
    return GradeHistory(
        id=kept.id,
        at=kept.at,
        by=kept.actor,
        student=student,
        grade=None if kept.grade is None else graded(found.lab, kept.grade, kept.id),
        overrides=tuple(map(override_out, found.overrides)),
        ratings=found.ratings,
        others=tuple(OtherGrade(id=each.id, at=each.at, by=each.actor) for each in others),
    )
