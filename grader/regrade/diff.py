"""The changes that another model would make to a lab's current ratings. No grade changes."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from grader.experiments.predictions import grade_all
from grader.regrade.cost import read_shown_lab
from grader.service.local_store import cli_actor, local_store
from grader.terminal import printable
from labs_schema.errors import GraderError
from labs_schema.grades import Grade
from labs_schema.models import Lab
from serving.jobs.repository import JobRepository
from serving.jobs.results.results import Result, results
from serving.model.loading import GraderOptions, load_grader
from serving.review.changes import CurrentRating, RatingChanges, by_student, rating_changes
from serving.review.labelling.proposed_grades import new_proposal, write_proposal
from serving.store.store import Store

SHOWN = 20


class RegradeDiff(RatingChanges):
    """`job`: the compared job."""

    lab: str
    job: str

    def shown(self) -> RenderableType:
        """A summary, and the first changes that would take effect."""
        effective = self.effective
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


def diff_labs(
    folders: Sequence[Path], model: str, courses: Sequence[str], options: GraderOptions, *, propose: bool = False
) -> list[RegradeDiff]:
    """Grades the labs with `model` and compares with their latest jobs.

    `propose`: also shows the grades on the labs' pages, where a person can put them in use.

    Raises InputError for a lab, GraderError for one without a finished regrade, ModelError.
    """
    labs = [read_shown_lab(folder) for folder in folders]
    with local_store() as store:
        earlier = [_latest(store, course, lab) for course, lab in zip(courses, labs, strict=True)]
    with closing(load_grader(model, options)) as grader:
        graded = list(grade_all(grader, [(lab, lab.submissions) for lab in labs], "grading"))
    if propose:
        with local_store() as store:
            for course, (lab, grades) in zip(courses, graded, strict=True):
                _propose(store, course, lab, model, grades)
    return [_diff(lab, job, current, grades) for (lab, grades), (job, current) in zip(graded, earlier, strict=True)]


def _propose(store: Store, course: str, lab: Lab, model: str, grades: Sequence[Grade]) -> None:
    if not grades:
        raise GraderError(f"{lab.name}: the lab has no program to grade.", code="nothing-to-compare")
    proposal = new_proposal(course, lab, model, grades[0].origin.model_hash, actor=cli_actor())
    write_proposal(store, proposal, grades)


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
    now = [
        CurrentRating(
            student=result.grade.student,
            criterion=old.criterion,
            machine=old.rating,
            rating=result.ratings.get(old.criterion),
            decided=old.criterion in result.overridden,
        )
        for result in current
        for old in result.grade.criteria
    ]
    members = {submission.student: submission.students for submission in lab.submissions}
    found = rating_changes(now, by_student(grades, members))
    return RegradeDiff(lab=lab.name, job=job, **{name: getattr(found, name) for name in RatingChanges.model_fields})
