"""Misgraded submissions: which are listed, in which order, with which details."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from grader.report.misgraded import differing, misgraded
from grader.report.page import templates
from labs_schema.hashes import submission_key
from labs_schema.limits import ReportLimits
from labs_schema.models import Lab
from serving.measures.decisions import Decision
from tests.harness.courses.decisions import decision

WORKS, READS = "Does it compile?", "Is it readable?"


def answer(student: str, criterion: str, human: int, grader: int | None, **fields: Any) -> Decision:
    ratings = 3 if criterion == WORKS else 2
    return decision(student, human, grader, lab="lab1", criterion=criterion, ratings=ratings, **fields)


def test_submissions_are_sorted_by_their_most_confident_difference(make_lab: Callable[..., Lab]) -> None:
    found = misgraded(
        [
            answer("s000", WORKS, 0, 1, confidence=0.6),
            answer("s000", READS, 0, 0, confidence=0.99),
            answer("s001", WORKS, 2, 1, confidence=0.7),
            answer("s001", READS, 1, 0, confidence=0.8),
            answer("s002", WORKS, 1, 1, confidence=0.9),
        ],
        {"lab1": make_lab()},
    )
    assert [each.key for each in found] == [submission_key("lab1", "s001"), submission_key("lab1", "s000")]
    assert [(r.criterion.title, r.differs) for r in found[0].results] == [(READS, True), (WORKS, True)]
    assert [(r.criterion.title, r.differs) for r in found[1].results] == [(WORKS, True), (READS, False)]
    assert [each.differences for each in found] == [2, 1]


def test_ungraded_criterion_is_not_a_difference(make_lab: Callable[..., Lab]) -> None:
    assert misgraded([answer("s000", WORKS, 0, None)], {"lab1": make_lab()}) == ()


def test_options_show_probabilities_and_who_gave_the_rating(make_lab: Callable[..., Lab]) -> None:
    fields = {"probabilities": (0.2, 0.7, 0.1), "confidence": 0.65, "reasons": ("low confidence",)}
    (found,) = misgraded([answer("s000", WORKS, 0, 1, **fields)], {"lab1": make_lab()})
    assert (found.worst.ta, found.worst.grader, found.worst.decision.confidence) == ("A", "B", 0.65)
    table = templates().get_template("submission.html").render(submission=found).partition("</table>")[0]
    rows = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row) for row in table.split("<tr>")[2:]]
    assert [[re.sub("<.*?>", "", cell).strip() for cell in row] for row in rows] == [
        ["A Without warnings", "2", "0.200", "TA"],
        ["B With warnings", "1", "0.700", "grader"],
        ["C No", "0", "0.100", ""],
    ]


def test_control_characters_of_labs_are_shown_by_their_code_points(make_lab: Callable[..., Lab]) -> None:
    (found,) = misgraded([answer("s000", WORKS, 0, 1)], {"lab1": make_lab()})
    hostile = found._replace(lab="lab\u202e1")
    assert "lab[U+202E]1" in templates().get_template("submission.html").render(submission=hostile)


def test_auto_accepted_differences_are_counted(make_lab: Callable[..., Lab]) -> None:
    (found,) = misgraded(
        [
            answer("s000", WORKS, 0, 1, confidence=0.9),
            answer("s000", READS, 0, 1, confidence=0.8, reasons=("low confidence",)),
        ],
        {"lab1": make_lab()},
    )
    assert (found.differences, found.accepted) == (2, 1)


def test_number_of_submissions_is_limited(make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.report.misgraded.ReportLimits", lambda: ReportLimits(submissions=2))
    wrong = [answer(f"s{i:03d}", READS, 0, 1, confidence=0.5 + i / 10) for i in range(4)]
    assert len(differing(wrong)) == 4
    assert [each.worst.decision.confidence for each in misgraded(wrong, {"lab1": make_lab()})] == [0.8, 0.7]
