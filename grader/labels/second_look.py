"""Labs on disk to the list of labels and TAs to look at again, as `suspects.json`, `suspects.csv` and `tas.csv`."""

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from grader.labels.out_of_fold import out_of_fold
from grader.labels.suspects import Noise, Suspect, given_by, suspects
from grader.labels.tas import Ta, tas
from labs_schema.errors import GraderError
from labs_schema.frozen import Frozen
from labs_schema.reading.csv_rows import guarded
from labs_schema.reading.validate import lab_folders, load_lab
from training.run_folder import write_whole

COLUMNS = ("lab", "student", "criterion", "rating", "expected", "probability", "probability_given", "rater", "why")
FEWEST_STUDENTS = 10


class SecondLook(Frozen):
    """`suspects.json`: what was found among `labels` labels in force of `students` students."""

    labels: int
    students: int
    suspects: tuple[Suspect, ...]
    noise: tuple[Noise, ...]
    tas: tuple[Ta, ...]


def second_look(parent: Path, out: Path, *, folds: int, seed: int, progress: Callable[[int, int], None]) -> SecondLook:
    """Looks through the labs in `parent` and writes what it finds to the folder `out`.

    Raises InputError for labs that cannot be read, GraderError where too few students were rated to expect anything.
    """
    labs = [load_lab(folder) for folder in lab_folders(parent)]
    students = {student for lab in labs for student in lab.ratings_given}
    if len(students) < max(FEWEST_STUDENTS, folds):
        raise GraderError(
            f"{parent}: ratings of {len(students)} students; at least {max(FEWEST_STUDENTS, folds)} are needed to say "
            "what is usual. Give a folder with more labs, or lower --folds."
        )
    shares = out_of_fold(labs, folds=folds, seed=seed, progress=progress)
    listed, noise = suspects(labs, shares)
    found = SecondLook(
        labels=sum(each.labels for each in noise),
        students=len(students),
        suspects=listed,
        noise=noise,
        tas=tas(labs, shares, given_by(labs)),
    )
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "suspects.json", found.model_dump_json(indent=1) + "\n")
    _write_table(out / "suspects.csv", COLUMNS, ([getattr(s, name) for name in COLUMNS] for s in found.suspects))
    _write_table(out / "tas.csv", (*Ta.model_fields,), ([*_cells(ta)] for ta in found.tas))
    return found


def _cells(ta: Ta) -> Iterable[object]:
    return (*(value for name, value in ta if name != "alarms"), "; ".join(ta.alarms))


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """No cell of it is run as a formula by a spreadsheet."""
    draft = path.with_name(path.name + ".part")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([_cell(value) for value in row] for row in rows)
    draft.replace(path)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else guarded(str(value))
