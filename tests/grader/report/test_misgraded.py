"""Which submissions are listed as misgraded, in which order, and what is said of them."""

from collections.abc import Callable
from typing import Any

import pytest

from grader.report.misgraded import differing, misgraded
from labs_schema.hashes import submission_key
from labs_schema.models import Lab
from serving.measures.decisions import Decision

WORKS, READS = "Does it compile?", "Is it readable?"


def decision(student: str, criterion: str, human: int, grader: int | None, **known: Any) -> Decision:
    ratings = 3 if criterion == WORKS else 2
    return Decision(
        lab="lab1",
        language="C",
        student=student,
        criterion=criterion,
        ratings=ratings,
        human=human,
        grader=grader,
        **known,
    )


def test_the_most_confident_difference_comes_first_and_leads_its_submission(make_lab: Callable[..., Lab]) -> None:
    found = misgraded(
        [
            decision("s000", WORKS, 0, 1, confidence=0.6),
            decision("s000", READS, 0, 0, confidence=0.99),
            decision("s001", WORKS, 2, 1, confidence=0.7),
            decision("s001", READS, 1, 0, confidence=0.8),
            decision("s002", WORKS, 1, 1, confidence=0.9),
        ],
        {"lab1": make_lab()},
    )
    assert [each.key for each in found] == [submission_key("lab1", "s001"), submission_key("lab1", "s000")]
    assert [(j.criterion, j.differs) for j in found[0].judgements] == [(READS, True), (WORKS, True)]
    assert [(j.criterion, j.differs) for j in found[1].judgements] == [(WORKS, True), (READS, False)]
    assert [each.differences for each in found] == [2, 1]


def test_an_ungraded_criterion_is_no_difference(make_lab: Callable[..., Lab]) -> None:
    assert misgraded([decision("s000", WORKS, 0, None)], {"lab1": make_lab()}) == ()


def test_ta_and_grader_stand_at_their_ratings_with_every_probability(make_lab: Callable[..., Lab]) -> None:
    known = {"probabilities": (0.2, 0.7, 0.1), "confidence": 0.65, "reasons": ("low confidence",)}
    (found,) = misgraded([decision("s000", WORKS, 0, 1, **known)], {"lab1": make_lab()})
    options = found.worst.options
    assert [(o.title, o.share, o.by_ta, o.by_grader) for o in options] == [
        ("A", 0.2, True, False),
        ("B", 0.7, False, True),
        ("C", 0.1, False, False),
    ]
    assert [o.marks for o in options] == [2, 1, 0] and options[0].description == "Without warnings"
    assert (found.worst.ta, found.worst.grader, found.worst.confidence) == ("A", "B", 0.65)


def test_differences_that_no_person_would_see_are_counted(make_lab: Callable[..., Lab]) -> None:
    (found,) = misgraded(
        [
            decision("s000", WORKS, 0, 1, confidence=0.9),
            decision("s000", READS, 0, 1, confidence=0.8, reasons=("low confidence",)),
        ],
        {"lab1": make_lab()},
    )
    assert (found.differences, found.accepted) == (2, 1)


def test_of_very_many_the_surest_are_shown(make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.report.misgraded.MOST_SHOWN", 2)
    wrong = [decision(f"s{i:03d}", READS, 0, 1, confidence=0.5 + i / 10) for i in range(4)]
    assert len(differing(wrong)) == 4
    assert [each.worst.confidence for each in misgraded(wrong, {"lab1": make_lab()})] == [0.8, 0.7]
