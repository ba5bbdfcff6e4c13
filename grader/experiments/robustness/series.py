"""Runs a robustness series: models trained on data poisoned with probability p, evaluated on clean test data.

A finished cell is a file and is not trained again; an interrupted one resumes from its last checkpoint. The loss
`robust` is designed for wrong labels (Chowdhury, Kini and Natarajan, Provably Robust DPO, 2024, arXiv:2403.00409).
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from grader.evaluation import BAG_OF_WORDS, MAJORITY
from grader.experiments.held_out import DatasetLabs, held_out_submissions, read_dataset_labs
from grader.experiments.predictions import bag_of_words_predictions, in_labs, majority_predictions
from grader.experiments.robustness.curve import Curve, curve, write_plot
from grader.experiments.robustness.grid import Cell, CellResult
from grader.experiments.robustness.poison import TRAIN, Poison, PoisonKind, write_poisoned
from grader.experiments.robustness.run_cell import cell_config, evaluate_cell, reference_reasons, train_cell
from labs_schema.errors import GraderError
from labs_schema.files.atomic import write_atomically
from labs_schema.hashes import canonical_hash, submission_key
from labs_schema.models import Lab
from serving.engines.engine_choice import EngineName
from serving.measures.decisions import Decision
from training.config import RunConfig
from training.run.mixture import open_dataset


@dataclass(frozen=True)
class SeriesOptions:
    """`label_smoothing`: share of wrong pairs that the losses `robust` and `exo_pair` assume. `at_most`: cells to train
    in this call; None for all."""

    label_smoothing: float
    engine: EngineName
    resamples: int
    at_most: int | None


@dataclass(frozen=True)
class SeriesFolder:
    """The files of a series."""

    path: Path

    def result(self, cell: Cell) -> Path:
        return self.path / "cells" / f"{cell.name}.json"

    def run(self, cell: Cell) -> Path:
        return self.path / "runs" / cell.name

    def data(self, cell: Cell) -> Path:
        return self.path / "data" / cell.data

    def create(self, fingerprint: str) -> None:
        """Raises GraderError if the folder holds a series with another fingerprint."""
        file = self.path / "series.txt"
        if file.is_file() and file.read_text() != fingerprint:
            raise GraderError(
                f"{self.path} holds a series with another kind, dataset or run YAML. Choose another --out.",
                code="other-series",
            )
        (self.path / "cells").mkdir(parents=True, exist_ok=True)
        write_atomically(file, fingerprint)


def run_series(
    cells: Sequence[Cell],
    dataset: Path,
    labs: Path,
    config: RunConfig,
    out: Path,
    options: SeriesOptions,
    console: Console,
) -> Curve:
    """Trains and evaluates the unfinished `cells`, all of one kind, and writes the curve of all finished ones to `out`.

    Raises GraderError if `out` holds a series with other data or settings, and what training and grading raise.
    """
    data = open_dataset(dataset)
    course = read_dataset_labs(data.manifest, labs)
    folder = SeriesFolder(out)
    folder.create(_fingerprint(cells[0].kind, config, data.sha256, options.label_smoothing))
    reasons = reference_reasons(data.path.with_name("test.jsonl")) if data.manifest.reasoning else {}
    submissions = [(lab, held_out_submissions(lab, split)) for lab, split in course.tested]
    named = {lab.name: lab for lab, _ in course.labs}
    unfinished = [cell for cell in cells if not folder.result(cell).is_file()][: options.at_most]
    for number, cell in enumerate(unfinished):
        started = time.monotonic()
        poison = write_poisoned(cell.kind, cell.p, cell.seed, dataset=dataset, labs=named, out=folder.data(cell))
        settings = cell_config(cell, config, folder.data(cell), options.label_smoothing)
        train_cell(folder.run(cell), settings, _shared_sft(cell, cells, folder), console)
        result = evaluate_cell(cell, folder.run(cell), submissions, poison, reasons, options.engine, started)
        write_atomically(folder.result(cell), result.model_dump_json() + "\n")
        _delete_weights(cell, cells, folder)
        console.print(_summary(result, number, len(unfinished)), highlight=False)
    found = _curve(cells, course, folder, options)
    write_atomically(out / "robustness.json", found.model_dump_json(indent=1) + "\n")
    write_plot(found, out / "robustness.png")
    return found


def _curve(cells: Sequence[Cell], course: DatasetLabs, folder: SeriesFolder, options: SeriesOptions) -> Curve:
    finished = [cell for cell in cells if folder.result(cell).is_file()]
    results = [CellResult.model_validate_json(folder.result(cell).read_bytes()) for cell in finished]
    poisons = {cell.p: _poison(folder, cell) for cell in finished if cell.seed == cells[0].seed}
    return curve(results, cells, options.label_smoothing, baselines(course, poisons), resamples=options.resamples)


def baselines(course: DatasetLabs, poisons: Mapping[float, Poison]) -> dict[str, dict[float, list[Decision]]]:
    """Bag-of-words and majority-class baselines trained on the same poisoned labels, of one seed: name -> p ->
    decisions on the clean test set."""
    words: dict[float, list[Decision]] = {}
    majority: dict[float, list[Decision]] = {}
    for p, poison in sorted(poisons.items()):
        poisoned = {lab.name: poisoned_lab(lab, poison) for lab, _ in course.labs}
        words[p] = in_labs(bag_of_words_predictions(course.labs, poisoned), course.names)
        majority[p] = in_labs(majority_predictions(course.labs, poisoned), course.names)
    return {BAG_OF_WORDS: words, MAJORITY: majority}


def poisoned_lab(lab: Lab, poison: Poison) -> Lab:
    """`lab` with the swapped labels of `poison`; injections change no label."""
    swapped = {(s.submission, s.criterion): s.preferred for s in poison.swaps if s.lab == lab.name}
    grades = tuple(
        grade.model_copy(
            update={"rating": swapped.get((submission_key(lab.name, grade.student), grade.criterion), grade.rating)}
        )
        for grade in lab.human_grades
    )
    return lab.model_copy(update={"human_grades": grades})


def _fingerprint(kind: PoisonKind, config: RunConfig, sha256: str, label_smoothing: float) -> str:
    settings = config.model_dump(mode="json", exclude={"dataset", "output_dir", "seed"}, exclude_defaults=True)
    return canonical_hash([kind, settings, sha256, label_smoothing])


def _poison(folder: SeriesFolder, cell: Cell) -> Poison:
    return Poison.model_validate_json((folder.data(cell) / "poison.json").read_bytes())


def _shared_sft(cell: Cell, cells: Sequence[Cell], folder: SeriesFolder) -> Path | None:
    """The finished SFT stage of a cell with the same data and another loss, if there is one."""
    others = (folder.run(other) / "sft" for other in cells if other.data == cell.data and other != cell)
    return next((sft for sft in others if sft.is_dir()), None)


def _delete_weights(cell: Cell, cells: Sequence[Cell], folder: SeriesFolder) -> None:
    """Deletes weights and training file of a dataset once all its cells are finished; `poison.json` remains."""
    same = [other for other in cells if other.data == cell.data]
    if all(folder.result(other).is_file() for other in same):
        for other in same:
            shutil.rmtree(folder.run(other), ignore_errors=True)
        (folder.data(cell) / TRAIN).unlink(missing_ok=True)


def _summary(result: CellResult, number: int, total: int) -> str:
    agreement = sum(d.human == d.grader for d in result.decisions) / len(result.decisions)
    minutes_left = (total - number - 1) * result.seconds / 60
    return (
        f"{number + 1} of {total}: {result.cell.name}: {result.poisoned} of {result.units} poisoned, agreement "
        f"{agreement:.3f}, {result.seconds:.0f} s; about {minutes_left:.0f} minutes left"
    )
