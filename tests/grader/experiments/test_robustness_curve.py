import io

import pytest
from rich.console import Console

from grader.experiments.poison import Poison, Swap
from grader.experiments.robustness import poisoned_lab
from grader.experiments.robustness_cells import Cell, Measured
from grader.experiments.robustness_curve import Robustness, robustness
from grader.experiments.robustness_figure import draw_curve, table
from labs_schema.hashes import submission_key
from serving.measures.decisions import Decision


def decisions(right: int, of: int = 10) -> tuple[Decision, ...]:
    """The first `right` answers agree; two decisions a student."""
    return tuple(
        Decision(
            lab="lab1",
            language="C",
            student=f"s{i // 2}",
            criterion="c",
            ratings=2,
            human=i % 2,
            grader=(i + (i >= right)) % 2,
        )
        for i in range(of)
    )


def cell(p: float, seed: int, loss: str, right: int, rouge: tuple[float, ...] = ()) -> Measured:
    name = Cell(kind="labels", p=p, seed=seed, loss=loss)
    poisoned = round(40 * p) + seed
    return Measured(cell=name, poisoned=poisoned, units=40, seconds=1.0, decisions=decisions(right), rouge=rouge)


def series(*, rouge: tuple[float, ...] = ()) -> Robustness:
    cells = [
        cell(0, 0, "sigmoid", 10, rouge),
        cell(0, 1, "sigmoid", 8, rouge),
        cell(0.5, 0, "sigmoid", 6, rouge),
        cell(0.5, 1, "sigmoid", 4, rouge),
        cell(0.5, 0, "robust", 8, rouge),
    ]
    baselines = {"commonest rating": {0.0: decisions(5), 0.5: decisions(3)}}
    return robustness(cells, "labels", ("sigmoid", "robust"), 8, 0.1, baselines, resamples=200)


def test_a_point_is_the_mean_over_seeds_beside_the_clean_one_and_the_first_loss() -> None:
    clean, half, robust = series().points
    assert (clean.p, clean.loss, half.p, half.loss, robust.loss) == (0, "sigmoid", 0.5, "sigmoid", "robust")
    assert clean.figures["agreement"].value == pytest.approx(0.9) and clean.by_seed == (1.0, 0.8)
    assert half.figures["agreement"].value == pytest.approx(0.5) and half.poisoned == (20, 21)
    assert half.over_clean.value == pytest.approx(-0.4) and clean.over_clean.value == 0
    assert robust.over_first.value == pytest.approx(0.3)
    low, high = half.figures["agreement"].low, half.figures["agreement"].high
    assert low is not None and high is not None and low < 0.5 < high


def test_reasons_have_a_column_where_they_were_written() -> None:
    with_reasons, without = series(rouge=(0.25,) * 10), series()
    assert with_reasons.points[0].figures["rouge_l"].value == pytest.approx(0.25)
    for found, told in ((with_reasons, True), (without, False)):
        console = Console(width=200, record=True, file=io.StringIO())
        console.print(table(found))
        assert ("ROUGE-L" in console.export_text()) == told


def test_the_curve_is_drawn(tmp_path) -> None:
    draw_curve(series(), tmp_path / "robustness.png")
    assert (tmp_path / "robustness.png").read_bytes().startswith(b"\x89PNG")


def test_a_baseline_learns_from_the_labels_as_they_were_swapped(make_lab) -> None:
    lab = make_lab(students=3)
    title = lab.criteria[0].title
    assert lab.ratings_given["s001"][title] == "B"
    swap = Swap(lab="lab1", submission=submission_key("lab1", "s001"), criterion=title, given="B", preferred="C")
    bad = poisoned_lab(lab, Poison(kind="labels", p=0.1, seed=0, units=6, swaps=(swap,)))
    assert bad.ratings_given["s001"][title] == "C"
    changed = [g for g, h in zip(lab.human_grades, bad.human_grades, strict=True) if g != h]
    assert [(g.student, g.criterion) for g in changed] == [("s001", title)]
