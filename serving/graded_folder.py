"""The folder of a regraded lab: what is graded in it, what waits, and its tables. Knows no model.

It holds `grades.jsonl` (every grade, durable as it came), `rubric_ratings.csv` and `rubric_comments.csv` in the lab's
own format, and `summary.json` (where the grader differs from the TAs).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from labs_schema.errors import GraderError
from labs_schema.frozen import Frozen
from labs_schema.grades import Grade, Provenance
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.models import Lab
from labs_schema.writer import write_ratings
from serving.grade_files import GradeFile, open_grades
from serving.measures.comparison import Comparison, compare


class Regraded(Frozen):
    """`kept` submissions were graded by an earlier run, `graded` by this one; `torn` bytes of a killed run were cut."""

    kept: int
    graded: int
    torn: int
    comparison: Comparison


class GradedFolder:
    """Grades of one lab, one model and the work as it is now; others are refused and change nothing."""

    def __init__(self, lab: Lab, out: Path, file: GradeFile) -> None:
        self.lab, self.out, self._file = lab, out, file
        self._origin = file.grades[0].provenance if file.grades else None
        self._rubric = rubric_hash(lab)
        self._work = {each.student: each for each in lab.submissions}
        self._grades: dict[str, Grade] = {}
        self._take(file.grades)

    @property
    def graded(self) -> int:
        """Submissions with a grade."""
        return len(self._grades)

    @property
    def waiting(self) -> Lab:
        """The lab with the submissions that have no grade yet, and without what the TAs gave."""
        left = tuple(each for each in self.lab.submissions if each.student not in self._grades)
        return self.lab.model_copy(update={"submissions": left, "human_grades": (), "rater_grades": ()})

    def expect(self, origin: Provenance) -> None:
        """Says which model the grades will be of. Raises GraderError where those that are there are of another."""
        self._origin = origin
        self._check(list(self._grades.values()))

    def keep(self, grades: Sequence[Grade]) -> None:
        """Returns once they are on the disk. A second grade of one submission is dropped.

        Raises GraderError for grades of another model, rubric or work than those that are there; keeps none then.
        """
        fresh = [grade for grade in grades if grade.student not in self._grades]
        if fresh:
            self._origin = self._origin or fresh[0].provenance
            self._take(fresh)
            self._file.append(fresh)

    def finish(self) -> Regraded:
        """Writes the tables and the summary. Every submission must have its grade."""
        ordered = [self._grades[submission.student] for submission in self.lab.submissions]
        comparison = compare(self.lab, ordered)
        _write_tables(self.lab, ordered, self.out)
        _write_whole(self.out / "summary.json", comparison.model_dump_json(indent=1) + "\n")
        kept = len(self._file.grades)
        return Regraded(kept=kept, graded=len(ordered) - kept, torn=self._file.torn, comparison=comparison)

    def _take(self, grades: Sequence[Grade]) -> None:
        self._check(grades)
        self._grades.update((grade.student, grade) for grade in grades)

    def _check(self, grades: Sequence[Grade]) -> None:
        """Grades of one folder come from one model, one rubric and the work as it is now."""
        if differs := {name for grade in grades for name in self._differs(grade)}:
            raise GraderError(
                f"{self.out} holds grades that this run would not give: other {', '.join(sorted(differs))}. "
                "Grades are never overwritten; choose another --out."
            )

    def _differs(self, grade: Grade) -> set[str]:
        assert self._origin is not None
        if grade.lab != self.lab.name or grade.student not in self._work:
            return {"lab"}
        hashes = {"rubric_hash": self._rubric, "submission_hash": submission_hash(self._work[grade.student])}
        now = self._origin.model_dump() | hashes
        return {name for name, value in grade.provenance.model_dump().items() if now[name] != value}


@contextmanager
def open_folder(lab: Lab, out: Path) -> Iterator[GradedFolder]:
    """Opens or makes `out`, for this process alone.

    Raises GraderError where it holds grades of another rubric or work, FaultsError where it is damaged.
    """
    out.mkdir(parents=True, exist_ok=True)
    with open_grades(out / "grades.jsonl") as file:
        yield GradedFolder(lab, out, file)


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
