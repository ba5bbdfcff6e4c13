"""The expected effect of a decision, by which the review is ordered."""

from typing import Any

import pytest

from labs_schema.models import Criterion, Rating
from serving.review.items import review_criteria


def effect(marks: tuple[float | None, ...], answer: dict[str, Any]) -> float:
    """In marks, of a criterion with the ratings A, B, C."""
    ratings = tuple(Rating(title=title, description="", marks=each) for title, each in zip("ABC", marks, strict=False))
    criterion = Criterion(title="c", description="", ratings=ratings)
    document = {"provenance": {}, "criteria": [{"criterion": "c", **answer}]}
    document["provenance"] = {"engine": "head"}
    [found] = review_criteria(document, {"c": criterion}, {})
    return found.spread * (1.0 if found.marks is None else found.marks)


def rated(a: float, b: float, c: float, **more: Any) -> dict[str, Any]:
    return {"rating": "A", "probabilities": {"A": a, "B": b, "C": c}, "confidence": a, **more}


@pytest.mark.parametrize(
    ("marks", "answer", "expected"),
    [
        ((0, 1, 4), rated(0.5, 0.25, 0.25), 0.25 * 1 + 0.25 * 4),
        ((0, -1, -4), rated(0.5, 0.25, 0.25), 0.25 * 1 + 0.25 * 4),  # deductions
        ((0, 1, 4), rated(0.5, 0.25, 0.25, confidence=0.9), 0.1 * 2.5),  # a calibration is more certain
        ((None, None, None), rated(0.7, 0.2, 0.1), 0.3),
        ((2, 2, 2), rated(0.4, 0.3, 0.3), 0.0),  # no rating changes the total
        ((0, 1, 4), {"rating": None, "ungraded": "no answer"}, 4.0),
        ((0, 1, 4), {"rating": "A", "probabilities": {}, "decided": True}, 0.0),  # by observed outcomes
    ],
)
def test_the_effect_is_the_expected_change_of_the_total(
    marks: tuple[float | None, ...], answer: dict[str, Any], expected: float
) -> None:
    assert effect(marks, answer) == pytest.approx(expected)
