"""Correlations of total marks, against scipy and against resamples written out."""

import numpy as np
import pytest
from scipy.stats import kendalltau, pearsonr

from serving.measures.decisions import Decision
from serving.measures.totals import kendall_tau_b, pearson, totals


@pytest.mark.parametrize("seed", range(4))
def test_correlations_equal_those_of_scipy_with_every_submission_written_out_as_often_as_it_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 6, 40).astype(float), rng.integers(0, 6, 40).astype(float)
    weights = np.vstack([np.ones(40), rng.multinomial(40, np.full(40, 1 / 40), size=3)]).astype(float)
    for row, tau, r in zip(weights, kendall_tau_b(x, y, weights), pearson(x, y, weights), strict=True):
        often = row.astype(int)
        assert tau == pytest.approx(kendalltau(np.repeat(x, often), np.repeat(y, often)).statistic)
        assert r == pytest.approx(pearsonr(np.repeat(x, often), np.repeat(y, often)).statistic)


def test_a_constant_side_has_no_correlation() -> None:
    same, other, weights = np.full(4, 0.1), np.arange(4.0), np.ones((1, 4))
    assert np.isnan(kendall_tau_b(same, other, weights)).all()
    assert np.isnan(pearson(other, same, weights)).all()
    assert np.isnan(pearson(np.array([]), np.array([]), np.ones((2, 0)))).all()


def answer(student: str, criterion: str, human: float, grader: float | None) -> Decision:
    return Decision(
        lab="lab",
        language="C",
        student=student,
        criterion=criterion,
        ratings=3,
        human=0,
        grader=None if grader is None else 0,
        human_marks=human,
        grader_marks=grader,
    )


def test_only_submissions_with_marks_for_every_criterion_from_both_have_totals() -> None:
    decisions = [
        answer("whole", "c", 2, 1),
        answer("whole", "d", 1, 1),
        answer("ungraded", "c", 2, 2),
        answer("ungraded", "d", 2, None),
        answer("half-rated", "d", 1, 1),
    ]
    found = totals(decisions)["lab"]
    assert (found.human.tolist(), found.grader.tolist(), found.rows) == ([3], [2], [0])
