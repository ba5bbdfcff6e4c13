"""A lab with observations, and results of its students."""

from collections.abc import Callable
from typing import Any

import pytest

from labs_schema.grades import CriterionGrade, Grade, Provenance, Status
from labs_schema.models import Lab
from labs_schema.observations import CheckKind, CheckResult, Diagnostic, Outcome, SubmissionObservations
from serving.jobs.results.results import Result

COMPILES, READABLE = "Does it compile?", "Is it readable?"
OBSERVED = SubmissionObservations(
    submission="0" * 64,
    results=(
        CheckResult(
            check="three equal",
            kind=CheckKind.TEST,
            outcome=Outcome.FAILED,
            visible=True,
            input="1 1 1",
            expected="1",
            actual="```\n</pre><script>alert(1)</script>",
        ),
        CheckResult(check="SECRET", kind=CheckKind.TEST, outcome=Outcome.FAILED, input="SECRET", actual="SECRET"),
        CheckResult(
            check="warnings",
            kind=CheckKind.WARNINGS,
            outcome=Outcome.FAILED,
            visible=True,
            diagnostics=(Diagnostic(filename="main.c", line=7, text="unused x"),),
        ),
    ),
)


def result_of(lab: Lab, student: str = "s000", **changes: Any) -> Result:
    """Rated A and A; `status`, `ungraded`, `reasoning` of the second criterion; `overridden` and `comments`."""
    status = changes.pop("status", Status.ACCEPTED)
    ungraded = changes.pop("ungraded", None)
    reasoning = changes.pop("reasoning", None)
    grades = []
    for number, criterion in enumerate(lab.criteria):
        rating = criterion.ratings[0]
        given = {"criterion": criterion.title, "max_marks": criterion.max_marks, "min_marks": 0, "reasoning": reasoning}
        rated = {"rating": rating.title, "marks": rating.marks, "probabilities": {"A": 0.7, "B": 0.3}}
        own = {"ungraded": ungraded} if number and ungraded else rated
        grades.append(CriterionGrade(**given, **own, status=status if number else Status.ACCEPTED))
    provenance = Provenance(**dict.fromkeys(Provenance.model_fields, "x"))
    grade = Grade(lab=lab.name, student=student, criteria=tuple(grades), provenance=provenance)
    ratings = {each.criterion: each.rating for each in grades if each.rating} | changes.pop("ratings", {})
    return Result(grade_id="g", grade=grade, ratings=ratings, **changes)


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab(students=1)
