"""`grader suspects`: reads labs and writes the suspicious labels and TAs to suspects.json, suspects.csv and tas.csv."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from grader.labels.out_of_fold import out_of_fold
from grader.labels.suspects import LabelNoise, SuspectLabel, suspect_labels
from grader.labels.ta_summaries import TaSummary, ratings_by_ta, ta_summaries
from labs_schema.errors import GraderError
from labs_schema.files.atomic import write_atomically
from labs_schema.frozen import Frozen
from labs_schema.reading.validate import lab_folders, load_lab
from labs_schema.tables.csv_writer import Cell, csv_text

COLUMNS = ("lab", "student", "criterion", "rating", "expected", "probability", "probability_given", "rater", "why")
MIN_STUDENTS = 10


class Suspects(Frozen):
    """The contents of `suspects.json`, from `labels` current labels of `students` students."""

    labels: int
    students: int
    suspects: tuple[SuspectLabel, ...]
    noise: tuple[LabelNoise, ...]
    tas: tuple[TaSummary, ...]


def find_suspects(parent: Path, out: Path, *, folds: int, seed: int, progress: Callable[[int, int], None]) -> Suspects:
    """Checks the labels of the labs in `parent` and writes the results to the folder `out`.

    Raises InputError for labs that cannot be read, GraderError if too few students were rated.
    """
    labs = [load_lab(folder) for folder in lab_folders(parent)]
    students = {student for lab in labs for student in lab.ratings_by_student}
    if len(students) < max(MIN_STUDENTS, folds):
        raise GraderError(
            f"{parent}: {len(students)} students have ratings, at least {max(MIN_STUDENTS, folds)} are needed. "
            "Use a folder with more labs, or lower --folds.",
            code="too-few-students",
        )
    expected = out_of_fold(labs, folds=folds, seed=seed, progress=progress)
    suspects, noise = suspect_labels(labs, expected)
    found = Suspects(
        labels=sum(each.labels for each in noise),
        students=len(students),
        suspects=suspects,
        noise=noise,
        tas=ta_summaries(labs, expected, ratings_by_ta(labs)),
    )
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "suspects.json", found.model_dump_json(indent=1) + "\n")
    _write_csv(out / "suspects.csv", COLUMNS, ([getattr(s, name) for name in COLUMNS] for s in found.suspects))
    _write_csv(out / "tas.csv", (*TaSummary.model_fields,), ([*_cells(ta)] for ta in found.tas))
    return found


def _cells(ta: TaSummary) -> Iterable[object]:
    return (*(value for name, value in ta if name != "alarms"), "; ".join(ta.alarms))


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    write_atomically(path, csv_text([header, *([_cell(value) for value in row] for row in rows)]))


def _cell(value: object) -> Cell:
    """Four digits are enough for probabilities."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    return value if isinstance(value, int | None) else str(value)
