"""Agreement figures, worked out by hand and compared with scikit-learn and scipy."""

import numpy as np
import pytest
from scipy.stats import kendalltau, pearsonr
from sklearn.metrics import cohen_kappa_score, f1_score, precision_score, recall_score

from serving.measures.agreement import agreement, confusions, difference, figures, figures_by_rating, total_marks
from serving.measures.coefficients import (
    coincidences,
    krippendorff_alpha,
    macro_f1,
    ordinal_distance,
    quadratic_kappa,
)
from serving.measures.decisions import Decision
from serving.measures.resampling import draw
from tests.harness.courses.decisions import decision

MARKS = [2.0, 1.0, 0.0]
TITLES = {("lab", "c"): ("A", "B", "C"), ("lab", "d"): ("B", "D")}


def with_marks(student: str, human: int, grader: int | None, lab: str = "lab") -> Decision:
    grader_marks = None if grader is None else MARKS[grader]
    return decision(student, human, grader, lab=lab, human_marks=MARKS[human], grader_marks=grader_marks)


def random_decisions(seed: int, count: int = 60) -> list[Decision]:
    rng = np.random.default_rng(seed)
    return [with_marks(f"s{i}", int(rng.integers(3)), int(rng.integers(3))) for i in range(count)]


@pytest.mark.parametrize("seed", range(5))
def test_macro_f1_and_kappa_match_scikit_learn(seed: int) -> None:
    decisions = random_decisions(seed)
    human, given = [d.human for d in decisions], [d.grader for d in decisions]
    table = confusions(decisions, np.ones((1, len(decisions))))["lab", "c"]
    assert macro_f1(table)[0] == pytest.approx(f1_score(human, given, average="macro"))
    assert quadratic_kappa(table)[0] == pytest.approx(cohen_kappa_score(human, given, weights="quadratic"))


def test_figures_of_four_decisions_by_hand() -> None:
    decisions = [with_marks("s1", 0, 0), with_marks("s2", 0, 1), with_marks("s3", 2, 2), with_marks("s4", 1, None)]
    found = agreement(decisions, resamples=50).figures
    assert found["agreement"].value == 0.5
    assert found["ungraded"].value == 0.25
    assert found["marks_mae"].value == pytest.approx(1 / 3)
    assert found["macro_f1"].value == pytest.approx((2 / 3 + 0 + 1) / 3)


def test_ungraded_criterion_counts_as_disagreement_without_a_rating() -> None:
    found = agreement([with_marks("s1", 2, None), with_marks("s2", 2, None)], resamples=10).figures
    assert found["agreement"].value == 0.0
    assert found["marks_mae"].value is None
    assert found["kappa"].value is None


def test_difference_is_paired_and_requires_the_same_decisions() -> None:
    ours = random_decisions(1)
    same = difference(ours, ours, resamples=50)["agreement"]
    assert (same.value, same.low, same.high) == (0, 0, 0)
    with pytest.raises(ValueError, match="same decisions"):
        difference(ours, ours[::-1], resamples=50)


def test_lab_resamples_weight_every_figure_by_lab() -> None:
    """Lab 0 agrees on everything, the others on nothing: every figure is the share of draws that were lab 0."""
    rng = np.random.default_rng(0)
    labs = [
        with_marks(f"s{i}", human, human if lab == 0 else 2 - human, lab=f"lab{lab}")
        for lab in range(5)
        for i, human in enumerate(rng.choice([0, 2], 8))
    ]
    draws = draw(labs, "labs", resamples=200)
    share = draws.labs["lab0"] / 5
    found = figures(labs, draws)
    assert found["agreement"] == pytest.approx(share)
    assert found["macro_f1"] == pytest.approx(share)


def test_intervals_over_labs_need_five_labs() -> None:
    labs = [with_marks("s1", 0, 0, lab=f"lab{i}") for i in range(5)]
    assert agreement(labs[:4], resamples=20).figures_over_labs == {}
    assert agreement(labs, resamples=20).figures_over_labs["agreement"].low == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_alpha_and_correlations_match_their_definitions(seed: int) -> None:
    drawn = random_decisions(seed)
    found = agreement(drawn, resamples=10).figures
    counted = coincidences([[d.human, d.grader] for d in drawn if d.grader is not None], 3).sum(0)
    assert found["alpha"].value == pytest.approx(krippendorff_alpha(counted, ordinal_distance(counted)))
    human, given = [d.human_marks for d in drawn], [d.grader_marks for d in drawn]
    assert found["kendall"].value == pytest.approx(kendalltau(human, given).statistic)
    assert found["pearson"].value == pytest.approx(pearsonr(human, given).statistic)


def test_totals_need_marks_of_every_criterion_from_both_sides() -> None:
    rows = [
        ("complete", "c", 2, 1),
        ("complete", "d", 1, 1),
        ("ungraded", "c", 2, 2),
        ("ungraded", "d", 2, None),
        ("half-rated", "d", 1, 1),
    ]
    decisions = [
        decision(student, 0, None if given is None else 0, criterion=criterion, human_marks=ta, grader_marks=given)
        for student, criterion, ta, given in rows
    ]
    found = total_marks(decisions)["lab"]
    assert (found.human.tolist(), found.grader.tolist(), found.rows) == ([3], [2], [0])


def test_recall_and_precision_of_five_decisions_by_hand() -> None:
    """By title the TA gave A A B B D, the grader A B B - D: rating B of both criteria counts as one title."""
    rows = [("s1", 0, 0, "c"), ("s2", 0, 1, "c"), ("s3", 1, 1, "c"), ("s4", 0, None, "d"), ("s5", 1, 1, "d")]
    decisions = [
        decision(student, human, grader, criterion=criterion, ratings=len(TITLES["lab", criterion]))
        for student, human, grader, criterion in rows
    ]
    found = figures_by_rating(decisions, TITLES, resamples=20)
    assert {
        title: (each.given_by_ta, each.given_by_grader, each.recall.value, each.precision.value)
        for title, each in found.items()
    } == {"A": (2, 1, 0.5, 1.0), "B": (2, 2, 0.5, 0.5), "D": (1, 1, 1.0, 1.0)}


def test_rating_given_by_one_side_only_has_no_recall() -> None:
    found = figures_by_rating([decision("s1", 0, 2), decision("s2", 0, 0)], TITLES, resamples=20)
    assert (found["C"].given_by_ta, found["C"].recall.value, found["C"].precision.value) == (0, None, 0.0)
    assert "B" not in found


@pytest.mark.parametrize("seed", range(3))
def test_recall_and_precision_match_scikit_learn(seed: int) -> None:
    human, grader = np.random.default_rng(seed).integers(0, 3, (2, 50))
    rows = [decision(f"s{i}", int(h), int(g)) for i, (h, g) in enumerate(zip(human, grader, strict=True))]
    found = figures_by_rating(rows, TITLES, resamples=20)
    recall, precision = recall_score(human, grader, average=None), precision_score(human, grader, average=None)
    for i, title in enumerate("ABC"):
        assert found[title].recall.value == pytest.approx(recall[i])
        assert found[title].precision.value == pytest.approx(precision[i])
