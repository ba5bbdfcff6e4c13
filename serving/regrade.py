"""Grades a whole lab into a folder, chunk by chunk, and goes on where an earlier run stopped.

The folder then holds `grades.jsonl` (every grade, durable chunk by chunk), `rubric_ratings.csv` and
`rubric_comments.csv` in the lab's own format, and `summary.json` (where the grader differs from the TAs).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from labs_schema.errors import GraderError
from labs_schema.frozen import Frozen
from labs_schema.grades import Grade, Provenance
from labs_schema.models import Lab, Submission
from labs_schema.writer import write_ratings
from serving.grade_files import open_grades
from serving.measures.comparison import Comparison, compare


class GradesLabs(Protocol):
    """The part of a `Grader` that a regrade needs."""

    def grade(self, lab: Lab, submissions: Sequence[Submission], *, reasoning: bool = False) -> list[Grade]: ...

    def provenance(self, lab: Lab, submission: Submission, *, reasoning: bool = False) -> Provenance: ...


class Regraded(Frozen):
    """`kept` submissions were graded by an earlier run, `graded` by this one; `torn` bytes of a killed run were cut."""

    kept: int
    graded: int
    torn: int
    comparison: Comparison


def regrade(
    grader: GradesLabs, lab: Lab, out: Path, *, chunk: int = 16, progress: Callable[[int], None] = lambda _: None
) -> Regraded:
    """Grades every submission of `lab` into the folder `out`; `progress` is told how many are done.

    Raises GraderError where `out` holds grades of another model, rubric or work, FaultsError where it is damaged.
    """
    out.mkdir(parents=True, exist_ok=True)
    with open_grades(out / "grades.jsonl") as file:
        _check_origin(grader, lab, file.grades, out)
        grades = {grade.student: grade for grade in file.grades}
        waiting = [submission for submission in lab.submissions if submission.student not in grades]
        progress(len(grades))
        for start in range(0, len(waiting), chunk):
            fresh = grader.grade(lab, waiting[start : start + chunk])
            file.append(fresh)
            grades.update((grade.student, grade) for grade in fresh)
            progress(len(grades))
        ordered = [grades[submission.student] for submission in lab.submissions]
        comparison = compare(lab, ordered)
        _write_tables(lab, ordered, out)
        _write_whole(out / "summary.json", comparison.model_dump_json(indent=1) + "\n")
    return Regraded(kept=len(file.grades), graded=len(waiting), torn=file.torn, comparison=comparison)


def _check_origin(grader: GradesLabs, lab: Lab, grades: Sequence[Grade], out: Path) -> None:
    """Grades of one folder come from one model, one rubric and the work as it is now."""
    work = {submission.student: submission for submission in lab.submissions}
    differs: set[str] = set()
    for grade in grades:
        if grade.lab != lab.name or grade.student not in work:
            differs.add("lab")
            continue
        now = grader.provenance(lab, work[grade.student]).model_dump()
        differs |= {name for name, value in grade.provenance.model_dump().items() if now[name] != value}
    if differs:
        raise GraderError(
            f"{out} holds grades that this run would not give: other {', '.join(sorted(differs))}. "
            "Grades are never overwritten; choose another --out."
        )


def _write_tables(lab: Lab, grades: Sequence[Grade], out: Path) -> None:
    """An ungraded criterion has no 1 in the ratings; its reason is the comment, in the cell of the first rating."""
    ratings = {g.student: {a.criterion: a.rating for a in g.criteria if a.rating is not None} for g in grades}
    reasons = {
        g.student: {a.criterion: f"ungraded: {a.ungraded}" for a in g.criteria if a.ungraded is not None}
        for g in grades
        if any(a.ungraded for a in g.criteria)
    }
    first = {criterion.title: criterion.ratings[0].title for criterion in lab.criteria}
    cells = {student: {title: first[title] for title in why} for student, why in reasons.items()}
    folders = {submission.student: submission.folder for submission in lab.submissions}
    write_ratings(lab.criteria, ratings, folders, out / "rubric_ratings.csv")
    write_ratings(lab.criteria, cells, folders, out / "rubric_comments.csv", reasons)


def _write_whole(path: Path, text: str) -> None:
    """A reader finds the old file or the new one, never a part."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
