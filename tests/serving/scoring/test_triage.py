import math

from serving.scoring.scores import belief
from serving.scoring.triage import Rule, Thresholds, review_reasons


def reasons(*probabilities: float, confidence: float = 0.5, label_mass: float = 0.5) -> tuple[str, ...]:
    believed = belief([math.log(p) for p in probabilities])
    thresholds = Thresholds(confidence=confidence, label_mass=label_mass, calibrated=True)
    return review_reasons(believed, Rule(thresholds=thresholds))


def test_a_confident_answer_is_accepted() -> None:
    assert reasons(0.8, 0.1) == ()


def test_an_answer_below_the_confidence_asked_for_says_by_how_much() -> None:
    assert reasons(0.8, 0.2, confidence=0.9) == ("low confidence (0.80 < 0.90)",)


def test_a_model_that_would_rather_not_answer_with_a_letter_is_looked_at() -> None:
    assert reasons(0.2, 0.05) == ("low label mass (0.25 < 0.50)",)


def test_a_tie_of_two_is_looked_at_though_half_is_the_threshold() -> None:
    assert reasons(0.5, 0.5) == ("two ratings are equally probable",)


def test_all_reasons_are_given_at_once() -> None:
    assert len(reasons(0.1, 0.1, 0.1)) == 3


def test_nothing_is_accepted_on_thresholds_that_were_not_calibrated() -> None:
    sure = belief([math.log(0.99), math.log(0.01)])
    assert review_reasons(sure, Rule()) == ("not calibrated",)
    assert review_reasons(sure, Rule(thresholds=Thresholds(calibrated=True))) == ()
