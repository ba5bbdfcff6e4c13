"""People's decisions on stored grades as ratings of a lab: they outrank the cells of its table."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from grader.heads.label_files import save_ratings
from labs_schema.frozen import Frozen
from labs_schema.models import HumanGrade, Lab
from labs_schema.reading.validate import lab_folders, load_lab
from serving.review.labelling.decided_ratings import decided_ratings
from serving.store.grades.overrides import Decision
from serving.store.store import Store


class ReviewedCell(Frozen):
    """`before` is None if the table had no rating."""

    student: str
    criterion: str
    before: str | None
    now: str


class ReviewedLab(Frozen):
    """`cells`: the ratings that were added or changed. `same`: decisions that the table had already. `outdated`:
    decisions on other files than the lab has, or by another rubric; they are not used."""

    lab: str
    cells: tuple[ReviewedCell, ...]
    same: int
    outdated: int

    @property
    def added(self) -> int:
        return sum(each.before is None for each in self.cells)


def save_reviews(store: Store, parent: Path, course: str) -> list[ReviewedLab]:
    """Writes the decisions of a course into the rubric_ratings.csv of its labs in `parent`; labs without one stay.

    Raises InputError for a lab that cannot be read, GraderError for ratings in a table of another format.
    """
    return [_save(store, folder, course) for folder in lab_folders(parent)]


def _save(store: Store, folder: Path, course: str) -> ReviewedLab:
    lab = load_lab(folder)
    decided, outdated = decided_ratings(store, lab, course)
    table = lab.ratings_by_student
    cells = tuple(
        ReviewedCell(student=student, criterion=title, before=table.get(student, {}).get(title), now=str(each.rating))
        for (student, title), each in sorted(decided.items())
        if table.get(student, {}).get(title) != each.rating
    )
    if cells:
        merged = lab.model_copy(update={"human_grades": tuple(_merged(lab, decided))})
        save_ratings(merged, merged.ratings_by_student, folder)
    return ReviewedLab(lab=lab.name, cells=cells, same=len(decided) - len(cells), outdated=outdated)


def _merged(lab: Lab, decided: Mapping[tuple[str, str], Decision]) -> Iterator[HumanGrade]:
    """The table's grades, replaced or followed by the decisions. A comment on another rating is dropped."""
    left = dict(decided)
    for grade in lab.human_grades:
        decision = left.pop((grade.student, grade.criterion), None)
        if decision is None or decision.rating == grade.rating:
            yield grade
        else:
            yield grade.model_copy(update={"rating": decision.rating, "comment": _comment(decision)})
    for (student, criterion), decision in left.items():
        yield HumanGrade(student=student, criterion=criterion, rating=decision.rating, comment=_comment(decision))


def _comment(decision: Decision) -> str | None:
    """None for a comment that a table would read as a mark."""
    return decision.comment if any(map(str.isalpha, decision.comment)) else None


def review_lines(labs: list[ReviewedLab]) -> Iterator[str]:
    for each in labs:
        if each.cells or each.same or each.outdated:
            changed = len(each.cells) - each.added
            outdated = f"; {each.outdated:,} on other files or by another rubric are not used" if each.outdated else ""
            yield f"{each.lab}: reviews added {each.added:,} ratings and changed {changed:,}{outdated}."
