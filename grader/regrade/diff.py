"""The changes that another model would make to a lab's current ratings. Stores and writes nothing."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from grader.experiments.predictions import grade_all
from grader.regrade.cost import read_shown_lab
from grader.service.local_store import local_store
from grader.terminal import printable
from labs_schema.errors import GraderError
from labs_schema.frozen import Frozen
from labs_schema.grades import Grade
from labs_schema.models import Lab
from serving.jobs.repository import JobRepository
from serving.jobs.results import Result, results
from serving.model.loading import GraderOptions, load_grader
from serving.store.store import Store

SHOWN = 20


class RatingChange(Frozen):
    """`before` is the current rating, `now` that of the other model; None if ungraded. `confidence`: of `now`.

    `decided`: a person decided the current rating, so it stays.
    """

    student: str
    criterion: str
    before: str | None
    now: str | None
    confidence: float | None
    decided: bool


class RegradeDiff(Frozen):
    """`job`: the compared job. `compared`: criteria of students whom both graded. `decisions` are those that a person
    decided; of these, `before_agrees` and `now_agrees` count the ratings of the job's and of the other model."""

    lab: str
    job: str
    compared: int
    changes: tuple[RatingChange, ...]
    decisions: int
    before_agrees: int
    now_agrees: int

    def shown(self) -> RenderableType:
        """A summary, and the first changes that would take effect."""
        effective = [each for each in self.changes if not each.decided]
        stay = len(self.changes) - len(effective)
        summary = (
            f"{self.lab}: {len(effective):,} of {self.compared:,} ratings would change. {stay:,} more differ from a "
            "person's decision, which stays."
        )
        agreed = (
            f"Agreement with people's {self.decisions:,} decisions: {self.now_agrees:,}, before {self.before_agrees:,}."
        )
        table = Table(box=box.SIMPLE, pad_edge=False)
        for heading in ("Student", "Criterion", "Before", "Now", "Prob."):
            table.add_column(heading, overflow="fold")
        for each in effective[:SHOWN]:
            share = "" if each.confidence is None else f"{each.confidence:.2f}"
            cells = each.student, each.criterion, each.before or "ungraded", each.now or "ungraded", share
            table.add_row(*(Text(printable(cell)) for cell in cells))
        more = f"and {len(effective) - SHOWN:,} more; --json lists all"
        return Group(
            Text(summary),
            *([Text(agreed)] if self.decisions else []),
            *([table] if effective else []),
            *([Text(more)] if len(effective) > SHOWN else []),
        )


def diff_labs(folders: Sequence[Path], model: str, courses: Sequence[str], options: GraderOptions) -> list[RegradeDiff]:
    """Grades the labs with `model` and compares with their latest jobs.

    Raises InputError for a lab, GraderError for one without a finished regrade, ModelError.
    """
    labs = [read_shown_lab(folder) for folder in folders]
    with local_store() as store:
        earlier = [_latest(store, course, lab) for course, lab in zip(courses, labs, strict=True)]
    grader = load_grader(model, options)
    try:
        graded = list(grade_all(grader, [(lab, lab.submissions) for lab in labs], "grading"))
    finally:
        grader.close()
    return [_diff(lab, job, current, grades) for (lab, grades), (job, current) in zip(graded, earlier, strict=True)]


def _latest(store: Store, course: str, lab: Lab) -> tuple[str, list[Result]]:
    jobs = JobRepository(store.database).all(course)
    job = next((each for each in jobs if each.lab == lab.name and each.finished_at and not each.failure), None)
    if job is None:
        raise GraderError(
            f"{lab.name}: course {course} has no finished regrade of this lab to compare with. Regrade it with the "
            "model in use first, or name its course with --course.",
            code="nothing-to-compare",
        )
    return job.id, results(store, job)


def _diff(lab: Lab, job: str, current: Sequence[Result], grades: Sequence[Grade]) -> RegradeDiff:
    """Group work is graded once, and its members have the same ratings."""
    new = {
        student: {answer.criterion: answer for answer in grade.criteria}
        for submission, grade in zip(lab.submissions, grades, strict=True)
        for student in submission.students
    }
    changes: list[RatingChange] = []
    compared = decided = before_agrees = now_agrees = 0
    for result in current:
        for old in result.grade.criteria:
            answer = new.get(result.grade.student, {}).get(old.criterion)
            if answer is None:
                continue
            compared += 1
            by_person, rating = old.criterion in result.overridden, result.ratings.get(old.criterion)
            decided += by_person
            before_agrees += by_person and old.rating == rating
            now_agrees += by_person and answer.rating == rating
            if answer.rating != rating:
                change = {"student": result.grade.student, "criterion": old.criterion, "before": rating}
                now = {"now": answer.rating, "confidence": answer.confidence, "decided": by_person}
                changes.append(RatingChange.model_validate({**change, **now}))
    return RegradeDiff(
        lab=lab.name,
        job=job,
        compared=compared,
        changes=tuple(sorted(changes, key=lambda each: -(each.confidence or 0))),
        decisions=decided,
        before_agrees=before_agrees,
        now_agrees=now_agrees,
    )
