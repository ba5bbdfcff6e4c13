"""Ratings decided by observed outcomes, and what happens where an outcome is missing."""

import pytest

from labs_schema.decided_by import Decided, OutcomeRule, decide
from labs_schema.errors import IssueCollector
from labs_schema.observations import CheckKind, CheckResult, Diagnostic, Outcome, SubmissionObservations
from labs_schema.rubrics.rubric_json import parse_rubric

PASSED, FAILED, NOT_RUN, FLAKY = Outcome.PASSED, Outcome.FAILED, Outcome.NOT_RUN, Outcome.FLAKY
COMPILES = (
    OutcomeRule(rating="A", all_passed=("build", "warnings")),
    OutcomeRule(rating="B", all_passed=("build",)),
    OutcomeRule(rating="C"),
)
BOUNDARY = (
    OutcomeRule(rating="A", all_passed=("tag:boundary",)),
    OutcomeRule(rating="B", any_passed=("tag:boundary",)),
    OutcomeRule(rating="C", none_passed=("tag:boundary",)),
)


def observed(**outcomes: Outcome) -> SubmissionObservations:
    """`b1=PASSED` is a test with the tag `boundary`, `o1` one without."""
    kinds = {"build": CheckKind.BUILD, "warnings": CheckKind.WARNINGS}
    results = [
        CheckResult(
            check=name,
            kind=kinds.get(name, CheckKind.TEST),
            outcome=outcome,
            tags=("boundary",) if name.startswith("b") and name != "build" else (),
        )
        for name, outcome in outcomes.items()
    ]
    return SubmissionObservations(submission="0" * 64, results=tuple(results))


@pytest.mark.parametrize(
    ("rules", "outcomes", "rating"),
    [
        (COMPILES, {"build": PASSED, "warnings": PASSED}, "A"),
        (COMPILES, {"build": PASSED, "warnings": FAILED}, "B"),
        (COMPILES, {"build": FAILED, "warnings": NOT_RUN}, "C"),
        (COMPILES, {"build": PASSED}, None),
        (COMPILES, {"build": PASSED, "warnings": Outcome.ERROR}, None),
        (COMPILES, {"build": FAILED}, "C"),
        (BOUNDARY, {"b1": PASSED, "b2": PASSED, "o1": FAILED}, "A"),
        (BOUNDARY, {"b1": PASSED, "b2": FAILED}, "B"),
        (BOUNDARY, {"b1": FAILED, "b2": Outcome.CRASHED}, "C"),
        (BOUNDARY, {"b1": PASSED, "b2": FLAKY}, None),
        (BOUNDARY, {"b1": FAILED, "b2": FLAKY}, None),
        (BOUNDARY, {"b1": PASSED, "b2": FAILED, "b3": FLAKY}, "B"),
        (BOUNDARY, {"build": FAILED, "b1": NOT_RUN}, "C"),
        (BOUNDARY, {"build": PASSED, "b1": NOT_RUN}, None),
        (BOUNDARY, {"o1": PASSED}, None),
        ((OutcomeRule(rating="A", all_passed=("kind:test",)),), {"build": FAILED, "o1": PASSED}, "A"),
        ((OutcomeRule(rating="A", all_ended=("kind:test",)),), {"build": PASSED, "o1": FAILED, "o2": PASSED}, "A"),
        ((OutcomeRule(rating="A", all_ended=("kind:test",)),), {"build": PASSED, "o1": Outcome.TIMEOUT}, None),
        ((OutcomeRule(rating="A", any_ended=("o1", "o2")),), {"o1": Outcome.CRASHED, "o2": FAILED}, "A"),
        ((OutcomeRule(rating="A", any_ended=("o1",)),), {"build": FAILED, "o1": NOT_RUN}, None),
        ((OutcomeRule(rating="A", all_passed=("o1",), none_passed=("o2",)),), {"o1": PASSED, "o2": PASSED}, None),
    ],
)
def test_the_first_rule_that_holds_gives_the_rating(
    rules: tuple[OutcomeRule, ...], outcomes: dict[str, Outcome], rating: str | None
) -> None:
    found = decide(rules, observed(**outcomes))
    assert found.rating == rating and bool(found.missing) == (rating is None)


def test_nothing_observed_decides_nothing() -> None:
    assert decide(COMPILES, None) == Decided(None, missing="the submission was not observed")
    assert decide((), observed(build=PASSED)).rating is None


def test_the_evidence_is_what_the_rule_rests_on_with_the_place_of_a_diagnostic() -> None:
    line = Diagnostic(filename="main.c", line=3, text="expected ';'")
    build = CheckResult(check="build", kind=CheckKind.BUILD, outcome=FAILED, diagnostics=(line,), visible=True)
    found = decide(COMPILES, SubmissionObservations(submission="0" * 64, results=(build,)))
    assert [str(each) for each in found.evidence] == ["build: failed at main.c:3"] and found.evidence[0].visible
    passed = decide(BOUNDARY, observed(b1=PASSED, b2=FAILED, o1=FAILED)).evidence
    assert [each.check for each in passed] == ["b2", "b1"]


RUBRIC = """[{"title": "Compiles?", "ratings": [{"title": "Yes"}, {"title": "No"}], "decided_by": %s}]"""


def test_rules_are_read_with_the_titles_of_the_ratings() -> None:
    issues = IssueCollector("lab")
    criteria = parse_rubric(RUBRIC % '[{"rating": "yes", "all_passed": ["build"]}, {"rating": "No"}]', issues)
    assert issues.issues() == () and criteria
    assert criteria[0].decided_by == (OutcomeRule(rating="Yes", all_passed=("build",)), OutcomeRule(rating="No"))


@pytest.mark.parametrize(
    "rules",
    [
        "{}",
        "[]",
        '["build"]',
        '[{"rating": "Maybe"}]',
        '[{"rating": "Yes", "passed": ["build"]}]',
        '[{"rating": "Yes", "all_passed": "build"}]',
        '[{"rating": "Yes", "all_passed": [""]}]',
        '[{"rating": "Yes", "all_passed": ["kind:tests"]}]',
        '[{"rating": "Yes"}, {"rating": "No"}]',
    ],
)
def test_an_invalid_rule_is_an_error(rules: str) -> None:
    issues = IssueCollector("lab")
    parse_rubric(RUBRIC % rules, issues)
    assert {issue.code for issue in issues.issues()} == {"bad-decided-by"}
