"""Review reasons and their codes."""

import math

from serving.scoring.rating_distribution import rating_distribution
from serving.scoring.triage import AcceptanceRule, ReviewCode, Thresholds, review_code, review_reasons


def codes(*probabilities: float, confidence: float = 0.5, label_mass: float = 0.5) -> list[ReviewCode | None]:
    found = rating_distribution([math.log(p) for p in probabilities])
    thresholds = Thresholds(confidence=confidence, label_mass=label_mass, calibrated=True)
    return [review_code(reason) for reason in review_reasons(found, AcceptanceRule(thresholds=thresholds))]


def test_a_confident_answer_is_accepted() -> None:
    assert codes(0.8, 0.1) == []


def test_low_confidence_needs_review_and_states_both_numbers() -> None:
    assert codes(0.8, 0.2, confidence=0.9) == [ReviewCode.LOW_CONFIDENCE]
    found = rating_distribution([math.log(0.8), math.log(0.2)])
    rule = AcceptanceRule(thresholds=Thresholds(confidence=0.9, calibrated=True))
    assert review_reasons(found, rule) == ("low-confidence: 0.80 < 0.90",)


def test_little_probability_on_the_options_needs_review() -> None:
    assert codes(0.2, 0.05) == [ReviewCode.LOW_LABEL_MASS]


def test_a_tie_at_the_threshold_needs_review() -> None:
    assert codes(0.5, 0.5) == [ReviewCode.TIED]


def test_all_reasons_are_given_at_once() -> None:
    assert codes(0.1, 0.1, 0.1) == [ReviewCode.LOW_CONFIDENCE, ReviewCode.TIED, ReviewCode.LOW_LABEL_MASS]


def test_nothing_is_accepted_without_calibrated_thresholds() -> None:
    certain = rating_distribution([math.log(0.99), math.log(0.01)])
    [reason] = review_reasons(certain, AcceptanceRule())
    assert review_code(reason) is ReviewCode.NOT_CALIBRATED
    [reason] = review_reasons(certain, AcceptanceRule(thresholds=Thresholds(missing="not for this lab")))
    assert reason == "not-calibrated: not for this lab"
    assert review_reasons(certain, AcceptanceRule(thresholds=Thresholds(calibrated=True))) == ()


def test_every_code_survives_its_reason() -> None:
    assert [review_code(code.reason("a: b")) for code in ReviewCode] == list(ReviewCode)
    assert review_code("written by a student: x") is None
