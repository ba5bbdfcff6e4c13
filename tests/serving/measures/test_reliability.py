"""Calibration error, risk-coverage curve and auto-accepted share, by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from serving.measures.decisions import Decision
from serving.measures.reliability import (
    brier,
    confidence_figures,
    confidences_and_hits,
    ece,
    reliability,
    reliability_bins,
    risk_coverage,
)
from tests.harness.courses.decisions import decision


def test_ece_is_the_weighted_gap_between_confidence_and_agreement() -> None:
    # Two bins: (0, .5] holds .4 (a hit), gap .6; (.5, 1] holds .8 and .9 (one hit), gap .85 - .5 = .35.
    assert ece([0.4, 0.8, 0.9], [1, 1, 0], bins=2) == pytest.approx((1 * 0.6 + 2 * 0.35) / 3)


def test_bin_edges_belong_to_the_lower_bin() -> None:
    counts = [b.count for b in reliability_bins([0.0, 0.5, 0.51, 1.0], [0, 0, 1, 1], bins=2)]
    assert counts == [2, 2]


def test_empty_bin_has_no_figures() -> None:
    first, second = reliability_bins([0.9], [1], bins=2)
    assert (first.confidence, first.agreement, first.count) == (None, None, 0)
    assert (second.confidence, second.agreement) == (0.9, 1.0)


def test_bins_and_brier_score_match_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    confidences = rng.uniform(0.2, 1, 500)
    hits = rng.uniform(size=500) < confidences**2
    agreement, mean_confidence = calibration_curve(hits, confidences, n_bins=15)
    filled = [b for b in reliability_bins(confidences, hits) if b.count]
    assert [b.agreement for b in filled] == pytest.approx(agreement.tolist())
    assert [b.confidence for b in filled] == pytest.approx(mean_confidence.tolist())
    assert brier(confidences, hits) == pytest.approx(brier_score_loss(hits, confidences))


def test_risk_coverage_curve_by_hand() -> None:
    curve = risk_coverage([0.6, 0.9, 0.7, 0.9], [0, 1, 1, 0])
    assert curve.thresholds == (0.9, 0.7, 0.6)
    assert curve.coverages == (0.5, 0.75, 1.0)
    assert curve.risks == pytest.approx((1 / 2, 1 / 3, 2 / 4))
    assert curve.area == pytest.approx(0.5 / 2 + 0.25 / 3 + 0.25 / 2)


def test_area_without_ties_is_the_mean_selective_risk() -> None:
    rng = np.random.default_rng(2)
    confidences, hits = rng.permutation(200) / 200, rng.integers(0, 2, 200)
    errors = 1 - hits[np.argsort(-confidences)]
    assert risk_coverage(confidences, hits).area == pytest.approx(np.mean(np.cumsum(errors) / np.arange(1, 201)))


def test_only_decisions_with_rating_and_confidence_count() -> None:
    decisions = [decision(confidence=0.8), decision(confidence=0.6, human=1), decision(grader=None)]
    confidences, hits = confidences_and_hits(decisions)
    assert confidences.tolist() == [0.8, 0.6]
    assert hits.tolist() == [1.0, 0.0]


def test_no_reliability_without_ratings() -> None:
    assert reliability([decision(grader=None)]) is None


def test_reliability_of_two_decisions() -> None:
    found = reliability([decision(confidence=0.8), decision(confidence=0.6, human=1)])
    assert found is not None
    assert (found.decisions, len(found.bins)) == (2, 15)
    assert found.brier == pytest.approx((0.04 + 0.36) / 2)


def answer(right: bool, probability: float, confidence: float, *reasons: str) -> Decision:
    given, other = probability, 1 - probability
    return decision(
        grader=0 if right else 1,
        ratings=2,
        probabilities=(given, other) if right else (other, given),
        confidence=confidence,
        reasons=reasons,
    )


def test_figures_before_and_after_calibration() -> None:
    """Half are right. The model's probability is 1, off by half; the calibrated confidence is the correct .5."""
    decisions = [answer(True, 1.0, 0.5), answer(False, 1.0, 0.5)]
    found = confidence_figures(decisions, calibrated=True)
    assert found is not None and found.after is not None
    assert (found.before.ece, found.before.brier) == pytest.approx((0.5, 0.5))
    assert (found.after.ece, found.after.brier) == pytest.approx((0.0, 0.25))
    uncalibrated = confidence_figures(decisions, calibrated=False)
    assert uncalibrated is not None and uncalibrated.after is None


def test_decisions_without_review_reasons_are_auto_accepted() -> None:
    """One right and one wrong are accepted, one right needs review, one is ungraded: half, of which half are wrong."""
    ungraded = decision(grader=None, ratings=2, reasons=("ungraded",))
    decisions = [answer(True, 0.9, 0.9), answer(False, 0.9, 0.9), answer(True, 0.6, 0.6, "low"), ungraded]
    found = confidence_figures(decisions, calibrated=True)
    assert found is not None
    assert (found.decisions, found.accepted, found.accepted_disagreement) == (4, 0.5, 0.5)
    assert found.before.decisions == 3
    nothing = confidence_figures([answer(True, 0.9, 0.9, "not calibrated")], calibrated=False)
    assert nothing is not None and (nothing.accepted, nothing.accepted_disagreement) == (0, None)


def test_no_confidence_figures_without_probabilities() -> None:
    assert confidence_figures([decision()], calibrated=False) is None
    assert confidence_figures([], calibrated=False) is None
