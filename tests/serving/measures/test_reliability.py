import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from serving.measures.decisions import Decision
from serving.measures.reliability import (
    brier,
    confidences_and_hits,
    ece,
    reliability,
    reliability_bins,
    risk_coverage,
)


def decision(confidence: float | None, human: int = 0, grader: int | None = 0) -> Decision:
    return Decision(
        lab="a",
        language="c",
        student="s1",
        criterion="x",
        ratings=3,
        human=human,
        grader=grader,
        confidence=confidence,
    )


def test_ece_is_the_weighted_distance_between_confidence_and_agreement() -> None:
    # Two bins: (0, .5] holds .4 (a hit), distance .6; (.5, 1] holds .8 and .9 (one hit), distance .85 - .5 = .35.
    assert ece([0.4, 0.8, 0.9], [1, 1, 0], bins=2) == pytest.approx((1 * 0.6 + 2 * 0.35) / 3)


def test_an_edge_belongs_to_the_bin_below_it_and_0_to_the_first() -> None:
    counts = [b.count for b in reliability_bins([0.0, 0.5, 0.51, 1.0], [0, 0, 1, 1], bins=2)]
    assert counts == [2, 2]


def test_an_empty_bin_has_no_figures() -> None:
    first, second = reliability_bins([0.9], [1], bins=2)
    assert (first.confidence, first.agreement, first.count) == (None, None, 0)
    assert (second.confidence, second.agreement) == (0.9, 1.0)


def test_bins_and_brier_are_those_of_scikit_learn() -> None:
    draw = np.random.default_rng(1)
    sure = draw.uniform(0.2, 1, 500)
    hits = draw.uniform(size=500) < sure**2
    agreed, meant = calibration_curve(hits, sure, n_bins=15)
    filled = [b for b in reliability_bins(sure, hits) if b.count]
    assert [b.agreement for b in filled] == pytest.approx(agreed.tolist())
    assert [b.confidence for b in filled] == pytest.approx(meant.tolist())
    assert brier(sure, hits) == pytest.approx(brier_score_loss(hits, sure))


def test_the_risk_coverage_curve_by_hand() -> None:
    curve = risk_coverage([0.6, 0.9, 0.7, 0.9], [0, 1, 1, 0])
    assert curve.thresholds == (0.9, 0.7, 0.6)
    assert curve.coverages == (0.5, 0.75, 1.0)
    assert curve.risks == pytest.approx((1 / 2, 1 / 3, 2 / 4))
    assert curve.area == pytest.approx(0.5 / 2 + 0.25 / 3 + 0.25 / 2)


def test_without_ties_the_area_is_the_mean_of_the_selective_risks() -> None:
    draw = np.random.default_rng(2)
    sure, hits = draw.permutation(200) / 200, draw.integers(0, 2, 200)
    ranked = 1 - hits[np.argsort(-sure)]
    assert risk_coverage(sure, hits).area == pytest.approx(np.mean(np.cumsum(ranked) / np.arange(1, 201)))


def test_only_decisions_with_a_rating_and_a_confidence_count() -> None:
    sure, hits = confidences_and_hits([decision(0.8), decision(0.6, human=1), decision(None, grader=None)])
    assert sure.tolist() == [0.8, 0.6]
    assert hits.tolist() == [1.0, 0.0]


def test_without_any_rating_there_is_no_reliability() -> None:
    assert reliability([decision(None, grader=None)]) is None


def test_reliability_puts_the_figures_together() -> None:
    found = reliability([decision(0.8), decision(0.6, human=1)])
    assert found is not None
    assert (found.decisions, len(found.bins)) == (2, 15)
    assert found.brier == pytest.approx((0.04 + 0.36) / 2)
