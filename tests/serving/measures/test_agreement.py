import numpy as np
import pytest
from scipy.stats import kendalltau, pearsonr
from sklearn.metrics import cohen_kappa_score, f1_score

from serving.measures.agreement import agreed, agreement, difference, figures
from serving.measures.alpha import coincidences, krippendorff_alpha, ordinal_distance
from serving.measures.confusion import confusions, macro_f1, quadratic_kappa
from serving.measures.decisions import Decision
from serving.measures.resampling import draw, estimate, weighted_mean


def decision(student: str, human: int, grader: int | None, ratings: int = 3, criterion: str = "c") -> Decision:
    marks = [2.0, 1.0, 0.0]
    return Decision(
        lab="lab",
        language="C",
        student=student,
        criterion=criterion,
        ratings=ratings,
        human=human,
        grader=grader,
        human_marks=marks[human],
        grader_marks=None if grader is None else marks[grader],
    )


def random_decisions(seed: int, count: int = 60) -> list[Decision]:
    rng = np.random.default_rng(seed)
    return [decision(f"s{i}", int(rng.integers(3)), int(rng.integers(3))) for i in range(count)]


def table_of(decisions: list[Decision]) -> np.ndarray:
    return confusions(decisions, np.ones((1, len(decisions))))["lab", "c"]


@pytest.mark.parametrize("seed", range(5))
def test_f1_and_kappa_equal_those_of_scikit_learn(seed: int) -> None:
    decisions = random_decisions(seed)
    human, given = [d.human for d in decisions], [d.grader for d in decisions]
    assert macro_f1(table_of(decisions))[0] == pytest.approx(f1_score(human, given, average="macro"))
    expected = cohen_kappa_score(human, given, weights="quadratic")
    assert quadratic_kappa(table_of(decisions))[0] == pytest.approx(expected)


def test_figures_of_four_decisions_are_those_worked_out_by_hand() -> None:
    decisions = [decision("s1", 0, 0), decision("s2", 0, 1), decision("s3", 2, 2), decision("s4", 1, None)]
    figures = agreement(decisions, resamples=50).figures
    assert figures["agreement"].value == 0.5
    assert figures["ungraded"].value == 0.25
    assert figures["marks_mae"].value == pytest.approx(1 / 3)
    assert figures["macro_f1"].value == pytest.approx((2 / 3 + 0 + 1) / 3)


def test_an_ungraded_criterion_counts_as_no_agreement_and_never_as_a_rating() -> None:
    figures = agreement([decision("s1", 2, None), decision("s2", 2, None)], resamples=10).figures
    assert figures["agreement"].value == 0.0
    assert figures["marks_mae"].value is None
    assert figures["kappa"].value is None


def test_resamples_draw_students_with_all_of_their_decisions() -> None:
    decisions = [decision(f"s{i}", 0, 0, criterion=name) for i in range(8) for name in ("c", "d")]
    weights = draw(decisions, "students", resamples=100, seed=1).decisions
    assert (weights[:, 0::2] == weights[:, 1::2]).all()
    assert (weights.sum(1) == len(decisions)).all()


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        drawn = [decision(f"s{i}", 0, 0 if rng.random() < 0.7 else 1) for i in range(100)]
        weights = draw(drawn, "students", resamples=200, seed=trial).decisions
        found = estimate(weighted_mean(weights, agreed(drawn)))
        assert found.low is not None and found.high is not None
        covered += found.low <= 0.7 <= found.high
    assert 180 <= covered <= 200


def test_a_difference_is_paired_and_refuses_other_decisions() -> None:
    ours = random_decisions(1)
    same = difference(ours, ours, resamples=50)["agreement"]
    assert (same.value, same.low, same.high) == (0, 0, 0)
    with pytest.raises(ValueError, match="same decisions"):
        difference(ours, ours[::-1], resamples=50)


def test_a_resample_over_labs_draws_labs_whole_and_counts_their_figures_as_often() -> None:
    """Lab 0 agrees on everything, the others on nothing: every figure is the share of draws that were lab 0."""
    rng = np.random.default_rng(0)
    labs = [
        decision(f"s{i}", human, human if lab == 0 else 2 - human).model_copy(update={"lab": f"lab{lab}"})
        for lab in range(5)
        for i, human in enumerate(rng.choice([0, 2], 8))
    ]
    draws = draw(labs, "labs", resamples=200)
    share = draws.labs["lab0"] / 5
    found = figures(labs, draws)
    assert found["agreement"] == pytest.approx(share)
    assert found["macro_f1"] == pytest.approx(share)


def test_intervals_over_labs_are_given_from_five_labs_on() -> None:
    labs = [decision("s1", 0, 0).model_copy(update={"lab": f"lab{i}"}) for i in range(5)]
    assert agreement(labs[:4], resamples=20).figures_over_labs == {}
    assert agreement(labs, resamples=20).figures_over_labs["agreement"].low == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_alpha_and_the_correlations_of_totals_are_those_of_the_definitions(seed: int) -> None:
    drawn = random_decisions(seed)
    found = agreement(drawn, resamples=10).figures
    counted = coincidences([[d.human, d.grader] for d in drawn if d.grader is not None], 3).sum(0)
    assert found["alpha"].value == pytest.approx(krippendorff_alpha(counted, ordinal_distance(counted)))
    human, given = [d.human_marks for d in drawn], [d.grader_marks for d in drawn]
    assert found["kendall"].value == pytest.approx(kendalltau(human, given).statistic)
    assert found["pearson"].value == pytest.approx(pearsonr(human, given).statistic)
