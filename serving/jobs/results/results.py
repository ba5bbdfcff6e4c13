"""Results of a job: its grades under the students' ids, compared with the TAs and with the previous job.

Deleted students are in none of them.
"""

from collections.abc import Mapping, Sequence

from pydantic import Field
from sqlalchemy import Connection, select

from labs_schema.frozen import Frozen
from labs_schema.grades import Grade
from labs_schema.models import Lab
from serving.jobs.attempts import parked_of
from serving.jobs.job import Job
from serving.jobs.repository import JobRepository
from serving.jobs.tables import members
from serving.measures.comparison import Comparison, compare
from serving.store.grades.grades import StoredGrade, read_lab, read_request_grades
from serving.store.grades.overrides import Decision, decisions, read_lab_overrides
from serving.store.store import Store
from serving.store.tables import students as people


class Result(Frozen):
    """`grade` is the model's, under the student's id, or ungraded if no model graded the student; `ratings` (criterion
    -> rating) are the current ones, with people's decisions, also those on earlier grades of the same files.
    `overridden`: criteria that a person rated. `comments`: criterion -> a person's comment.
    """

    grade_id: str
    grade: Grade
    ratings: dict[str, str]
    overridden: tuple[str, ...] = ()
    comments: dict[str, str] = Field(default_factory=dict)


class Change(Frozen):
    """A criterion that the job rated differently from the previous job. A rating is null if it was ungraded."""

    student: str = Field(description="The student's id.")
    criterion: str = Field(description="The criterion's title.")
    before: str | None = Field(description="The earlier job's rating, null if ungraded.")
    now: str | None = Field(description="This job's rating, null if ungraded.")


class Changes(Frozen):
    """The changed ratings since the job `before`."""

    before: str = Field(description="The id of the earlier job.")
    compared: int = Field(description="Criteria of submissions in both jobs.")
    same: int = Field(description="Criteria with the same rating.")
    changes: tuple[Change, ...] = Field(description="Criteria whose rating has changed.")


class JobComparison(Frozen):
    """A job's ratings next to those of the TAs and of the lab's previous job."""

    with_tas: Comparison | None = Field(description="Null if the lab can no longer be read.")
    with_previous: Changes | None = Field(description="Null if the lab has no earlier job.")


def results(store: Store, job: Job) -> list[Result]:
    """The students that a model graded, in the order they were recorded."""
    with store.database.reading() as connection:
        graded = [each for each in read_request_grades(connection, job.id) if each.by_model]
        return _results(connection, job, graded)


def ungraded_results(store: Store, job: Job) -> list[Result]:
    """The others: first those without a readable program, then the submissions that the job gave up. People may have
    rated them."""
    with store.database.reading() as connection:
        recorded = {each.student: each for each in read_request_grades(connection, job.id) if not each.by_model}
        parked = [recorded[each.student] for each in parked_of(connection, job.id) if each.student in recorded]
        return _results(connection, job, parked)


def _results(connection: Connection, job: Job, recorded: Sequence[StoredGrade]) -> list[Result]:
    names = _names(connection, job)
    records = read_lab_overrides(connection, job.lab, list(names))
    decided = {work: decisions(each) for work, each in records.items()}
    found = (
        result_of(each, names.get(each.student), decided.get((each.student, each.submission), {})) for each in recorded
    )
    return [result for result in found if result]


def _names(connection: Connection, job: Job) -> dict[str, str | None]:
    """Pseudonym -> student, None for a deleted one."""
    theirs = select(people.c.pseudonym, people.c.student).join(members, members.c.student == people.c.pseudonym)
    return {row.pseudonym: row.student for row in connection.execute(theirs.where(members.c.job == job.id))}


def forgotten(store: Store, job: Job) -> int:
    """The number of the job's students who were deleted."""
    with store.database.reading() as connection:
        return sum(student is None for student in _names(connection, job).values())


def rubric_of(store: Store, job: Job) -> Lab | None:
    """The lab as the job graded it, without submissions; None if the job has no grade."""
    recorded = store.read_grades(job.id)
    if not recorded:
        return None
    with store.database.reading() as connection:
        return read_lab(connection, recorded[-1].rubric)


def compared(store: Store, job: Job, lab: Lab | None) -> JobComparison:
    """`lab` has the TAs' current grades."""
    now, before = results(store, job), previous(JobRepository(store.database), job)
    every = [*ungraded_results(store, job), *now]
    return JobComparison(
        with_tas=None if lab is None else compare(lab, [each.grade for each in every if _fits(lab, each.grade)]),
        with_previous=None if before is None else changes(before.id, results(store, before), now),
    )


def previous(jobs: JobRepository, job: Job) -> Job | None:
    """The last job of the same lab that had ended when this one was created."""
    ended = [j for j in jobs.all(job.course) if j.lab == job.lab and j.id != job.id and not j.failure]
    return next((j for j in ended if j.finished_at is not None and j.finished_at <= job.at), None)


def changes(before: str, earlier: Sequence[Result], now: Sequence[Result]) -> Changes:
    """The differences between the model's ratings of the job `before` and of this one."""
    old, new = _ratings(earlier), _ratings(now)
    both = [pair for pair in new if pair in old]
    differ = [
        Change(student=student, criterion=criterion, before=old[student, criterion], now=new[student, criterion])
        for student, criterion in both
        if old[student, criterion] != new[student, criterion]
    ]
    return Changes(before=before, compared=len(both), same=len(both) - len(differ), changes=tuple(differ))


def result_of(stored: StoredGrade, student: str | None, decided: Mapping[str, Decision]) -> Result | None:
    """The result under the student's id; None for a forgotten student. `decided`: criterion title -> decision.

    A person's decision on the same files counts although this grade is newer: a regrade never replaces it."""
    if stored.grade is None or student is None:
        return None
    given = {each.criterion: each.rating for each in stored.grade.criteria if each.rating is not None}
    titles = {each.criterion for each in stored.grade.criteria}
    new = {title: each.rating for title, each in decided.items() if each.rating is not None and title in titles}
    grade = stored.grade.model_copy(update={"student": student})
    comments = {title: each.comment for title, each in decided.items() if each.comment and title in titles}
    return Result(
        grade_id=stored.id, grade=grade, ratings=given | new, overridden=tuple(sorted(new)), comments=comments
    )


def _ratings(given: Sequence[Result]) -> Mapping[tuple[str, str], str | None]:
    return {(each.grade.student, one.criterion): one.rating for each in given for one in each.grade.criteria}


def _fits(lab: Lab, grade: Grade) -> bool:
    """Whether every rating of `grade` is in the lab's rubric, which may have been edited since."""
    known = {(criterion.title, rating.title) for criterion in lab.criteria for rating in criterion.ratings}
    titles = {criterion.title for criterion in lab.criteria}
    return all(
        (each.criterion, each.rating) in known if each.rating else each.criterion in titles for each in grade.criteria
    )
