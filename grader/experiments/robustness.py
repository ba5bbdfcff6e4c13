"""How much bad training data hurts: models trained on labels or prompts poisoned with probability p, on clean work.

A series is a grid of cells (seed x p x loss). A finished cell is a file and is not trained again; one that was killed
goes on from its last checkpoint. The loss `robust` is made for such labels (Chowdhury, Kini and Natarajan, Provably
Robust DPO, 2024, arXiv:2403.00409).
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from grader.bag_of_words import WordCounter
from grader.experiments.held_out import Course, held_out, read_course, trained_work
from grader.experiments.poison import Kind, Poison
from grader.experiments.robustness_cells import Cell, Measured, poisoned_data
from grader.experiments.robustness_curve import Robustness, robustness
from grader.experiments.robustness_figure import draw_curve
from grader.experiments.robustness_run import cell_config, measured, reference_reasons, trained
from labs_schema.errors import GraderError
from labs_schema.hashes import canonical_hash, submission_key
from labs_schema.models import Lab
from serving.engines.engine_choice import EngineName
from serving.measures.decisions import Decision, answered, commonest_ratings, constant_decisions
from training.config import RunConfig
from training.run.opened_dataset import open_data
from training.run_folder import write_whole


def run_series(
    cells: Sequence[Cell],
    dataset: Path,
    labs: Path,
    config: RunConfig,
    out: Path,
    *,
    label_smoothing: float,
    engine: EngineName,
    resamples: int,
    at_most: int | None,
    console: Console,
) -> Robustness:
    """Trains and measures the `cells` that are not in `out` yet, `at_most` of them, and writes the curve of all.

    `cells` are of one kind. Raises GraderError where `out` holds a series of other data or settings, and what training
    and grading raise.
    """
    data = open_data(dataset)
    course = read_course(data.manifest, labs)
    _same_series(out, cells[0].kind, config, data.sha256, label_smoothing)
    reasons = reference_reasons(data.path.with_name("test.jsonl")) if data.manifest.reasoning else {}
    kept = [(lab, held_out(lab, split)) for lab, split in course.kept]
    waiting = [cell for cell in cells if not _file(out, cell).is_file()][:at_most]
    for number, cell in enumerate(waiting):
        begun = time.monotonic()
        folder = out / "data" / cell.data
        poison = poisoned_data(cell, dataset, {lab.name: lab for lab, _ in course.labs}, folder)
        run = out / "runs" / cell.name
        settings = cell_config(cell, config, folder, label_smoothing)
        trained(run, settings, _sft_beside(cell, cells, out), console)
        found = measured(cell, run, kept, poison, reasons, engine, begun)
        write_whole(_file(out, cell), found.model_dump_json() + "\n")
        _tidy(cell, cells, out)
        console.print(_told(found, number, len(waiting)), highlight=False)
    result = _curve(cells, course, out, label_smoothing, resamples)
    write_whole(out / "robustness.json", result.model_dump_json(indent=1) + "\n")
    draw_curve(result, out / "robustness.png")
    return result


def _curve(cells: Sequence[Cell], course: Course, out: Path, label_smoothing: float, resamples: int) -> Robustness:
    """Over those of the `cells` that are measured."""
    found = [Measured.model_validate_json(_file(out, c).read_bytes()) for c in cells if _file(out, c).is_file()]
    poisons = {each.cell.p: _poison(out, each.cell) for each in found if each.cell.seed == cells[0].seed}
    return robustness(
        found,
        cells[0].kind,
        tuple(dict.fromkeys(cell.loss for cell in cells)),
        len(cells),
        label_smoothing,
        baselines(course, poisons),
        resamples=resamples,
    )


def baselines(course: Course, poisons: Mapping[float, Poison]) -> dict[str, dict[float, list[Decision]]]:
    """What costs nothing, on the same poisoned labels (of one seed): counting words, and the commonest rating."""
    words: dict[float, list[Decision]] = {}
    commonest: dict[float, list[Decision]] = {}
    for p, poison in sorted(poisons.items()):
        labs = [(poisoned_lab(lab, poison), lab, split) for lab, split in course.labs]
        counter = WordCounter()
        counter.fit([(bad, trained_work(lab, split)) for bad, lab, split in labs if split.train])
        words[p], commonest[p] = [], []
        for bad, lab, split in labs:
            work = held_out(lab, split)
            learned = [submission.student for submission in trained_work(lab, split)]
            usual = commonest_ratings(bad, learned or [submission.student for submission in work])
            commonest[p] += constant_decisions(lab, [submission.student for submission in work], usual)
            words[p] += answered(lab, counter.grade(lab, work))
    return {"counting words": words, "commonest rating": commonest}


def poisoned_lab(lab: Lab, poison: Poison) -> Lab:
    """The lab with the labels that a poisoned data set has. Pleas change no label."""
    swapped = {(s.submission, s.criterion): s.preferred for s in poison.swaps if s.lab == lab.name}
    grades = tuple(
        grade.model_copy(
            update={"rating": swapped.get((submission_key(lab.name, grade.student), grade.criterion), grade.rating)}
        )
        for grade in lab.human_grades
    )
    return lab.model_copy(update={"human_grades": grades})


def _same_series(out: Path, kind: Kind, config: RunConfig, sha256: str, label_smoothing: float) -> None:
    settings = config.model_dump(mode="json", exclude={"dataset", "output_dir", "seed"}, exclude_defaults=True)
    mark = canonical_hash([kind, settings, sha256, label_smoothing])
    file = out / "series.txt"
    if file.is_file() and file.read_text() != mark:
        raise GraderError(f"{out} holds a series of another kind, data set or run YAML. Choose another --out.")
    out.mkdir(parents=True, exist_ok=True)
    (out / "cells").mkdir(exist_ok=True)
    write_whole(file, mark)


def _file(out: Path, cell: Cell) -> Path:
    return out / "cells" / f"{cell.name}.json"


def _poison(out: Path, cell: Cell) -> Poison:
    return Poison.model_validate_json((out / "data" / cell.data / "poison.json").read_bytes())


def _sft_beside(cell: Cell, cells: Sequence[Cell], out: Path) -> Path | None:
    """The SFT that a cell of the same data and another loss has left."""
    others = (out / "runs" / other.name / "sft" for other in cells if other.data == cell.data and other != cell)
    return next((sft for sft in others if sft.is_dir()), None)


def _tidy(cell: Cell, cells: Sequence[Cell], out: Path) -> None:
    """Deletes weights and training file of a data set whose cells are all measured; what was poisoned stays."""
    same = [other for other in cells if other.data == cell.data]
    if all(_file(out, other).is_file() for other in same):
        for other in same:
            shutil.rmtree(out / "runs" / other.name, ignore_errors=True)
        (out / "data" / cell.data / "train.jsonl").unlink(missing_ok=True)


def _told(found: Measured, number: int, of: int) -> str:
    agreed = sum(d.human == d.grader for d in found.decisions) / len(found.decisions)
    left = (of - number - 1) * found.seconds / 60
    return (
        f"{number + 1} of {of}: {found.cell.name}: {found.poisoned} of {found.units} poisoned, agreement {agreed:.3f}, "
        f"{found.seconds:.0f} s; about {left:.0f} minutes left"
    )
