"""The curve of a robustness series from finished cells."""

import io

import pytest
from rich.console import Console

from grader.evaluation import MAJORITY
from grader.experiments.robustness.curve import Curve, curve, write_plot
from grader.experiments.robustness.grid import CellResult, grid
from grader.experiments.robustness.poison import Poison, Swap
from grader.experiments.robustness.series import poisoned_lab
from grader.tables.robustness import robustness_table
from labs_schema.hashes import submission_key
from serving.measures.decisions import Decision
from tests.harness.courses.decisions import decision


def decisions(right: int, of: int = 10) -> tuple[Decision, ...]:
    """The first `right` answers agree; two decisions per student."""
    return tuple(decision(f"s{i // 2}", i % 2, (i + (i >= right)) % 2, ratings=2) for i in range(of))


CELLS = {(cell.p, cell.seed, cell.loss): cell for cell in grid("labels", "0,0.5", "sigmoid,robust", 2)}


def result(p: float, seed: int, loss: str, right: int, rouge: tuple[float, ...] = ()) -> CellResult:
    cell, poisoned = CELLS[p, seed, loss], round(40 * p) + seed
    return CellResult(cell=cell, poisoned=poisoned, units=40, seconds=1.0, decisions=decisions(right), rouge=rouge)


def series(*, rouge: tuple[float, ...] = ()) -> Curve:
    results = [
        result(0, 0, "sigmoid", 10, rouge),
        result(0, 1, "sigmoid", 8, rouge),
        result(0.5, 0, "sigmoid", 6, rouge),
        result(0.5, 1, "sigmoid", 4, rouge),
        result(0.5, 0, "robust", 8, rouge),
    ]
    baselines = {MAJORITY: {0.0: decisions(5), 0.5: decisions(3)}}
    return curve(results, [*CELLS.values()], 0.1, baselines, resamples=200)


def test_points_are_means_over_seeds_with_paired_differences() -> None:
    clean, half, robust = series().points
    assert (clean.p, clean.loss, half.p, half.loss, robust.loss) == (0, "sigmoid", 0.5, "sigmoid", "robust")
    assert clean.figures["agreement"].value == pytest.approx(0.9) and clean.by_seed == (1.0, 0.8)
    assert half.figures["agreement"].value == pytest.approx(0.5) and half.poisoned == (20, 21)
    assert half.over_clean.value == pytest.approx(-0.4) and clean.over_clean.value == 0
    assert robust.over_first_loss.value == pytest.approx(0.3)
    low, high = half.figures["agreement"].low, half.figures["agreement"].high
    assert low is not None and high is not None and low < 0.5 < high


def test_rouge_column_is_shown_only_with_reasons() -> None:
    with_reasons, without = series(rouge=(0.25,) * 10), series()
    assert with_reasons.points[0].figures["rouge_l"].value == pytest.approx(0.25)
    for found, expected in ((with_reasons, True), (without, False)):
        console = Console(width=200, record=True, file=io.StringIO())
        console.print(robustness_table(found))
        assert ("ROUGE-L" in console.export_text()) == expected


def test_plot_is_a_png(tmp_path) -> None:
    write_plot(series(), tmp_path / "robustness.png")
    assert (tmp_path / "robustness.png").read_bytes().startswith(b"\x89PNG")


def test_baselines_are_trained_on_the_swapped_labels(make_lab) -> None:
    lab = make_lab(students=3)
    title = lab.criteria[0].title
    assert lab.ratings_by_student["s001"][title] == "B"
    swap = Swap(lab="lab1", submission=submission_key("lab1", "s001"), criterion=title, given="B", preferred="C")
    bad = poisoned_lab(lab, Poison(kind="labels", p=0.1, seed=0, units=6, swaps=(swap,)))
    assert bad.ratings_by_student["s001"][title] == "C"
    changed = [g for g, h in zip(lab.human_grades, bad.human_grades, strict=True) if g != h]
    assert [(g.student, g.criterion) for g in changed] == [("s001", title)]
