"""Records of observations: bounds, and how outputs compare."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from labs_schema.limits import ObservationLimits
from labs_schema.observations import (
    CheckKind,
    CheckResult,
    Diagnostic,
    Match,
    Outcome,
    SubmissionObservations,
    output_match,
    shortened,
    unique_names,
)

LIMITS = ObservationLimits()


def check(name: str, kind: CheckKind = CheckKind.TEST, outcome: Outcome = Outcome.PASSED) -> CheckResult:
    return CheckResult(check=name, kind=kind, outcome=outcome)


@pytest.mark.parametrize(
    ("expected", "actual", "match"),
    [
        ("3 5\n", "3 5\n", Match.EXACT),
        ("3 5\n", "3\n5", Match.WHITESPACE),
        ("Min: 3\n", "min 3", Match.WORDS),
        ("3 5\n", "The numbers are 3 and 5.\n", Match.VALUES),
        ("-3.5\n", "result = -3.50\n", Match.NONE),
        ("3 5\n", "5 3\n", Match.NONE),
        ("yes\n", "Answer: yes\n", Match.VALUES),
        ("yes\n", "", Match.NONE),
        ("", "x", Match.NONE),
        ("", "\n", Match.WHITESPACE),
        ("***\n", "**\n", Match.NONE),
    ],
)
def test_outputs_match_as_closely_as_they_are_equal(expected: str, actual: str, match: Match) -> None:
    assert output_match(expected, actual) is match


@given(st.text(max_size=300), st.integers(min_value=20, max_value=200))
def test_a_shortened_text_fits_and_shortening_it_again_changes_nothing(text: str, size: int) -> None:
    short = shortened(text, size)
    assert len(short) <= size and shortened(short, size) == short
    assert short.encode("utf-8").decode("utf-8") == short


def test_long_texts_are_shortened_and_further_diagnostics_are_counted() -> None:
    lines = tuple(Diagnostic(filename="a.c", line=n, text="x" * 10_000) for n in range(1, 100))
    result = CheckResult(
        check="warnings",
        kind="warnings",
        outcome="failed",
        actual="\ud800" * 9_000,
        diagnostics=lines,
        diagnostic_count=99,
    )
    assert len(result.actual or "") == LIMITS.text_chars and (result.actual or "").startswith("\ufffd")
    assert len(result.diagnostics) == LIMITS.diagnostics and result.diagnostic_count == 99


def test_a_whole_number_may_be_written_with_a_fraction_of_zero() -> None:
    given = {"check": "c", "kind": "build", "outcome": "failed", "diagnostic_count": 2.0, "exit_status": -1.0}
    result = CheckResult.model_validate(given)
    assert (result.diagnostic_count, result.exit_status) == (2, -1)
    with pytest.raises(ValidationError):
        CheckResult.model_validate(given | {"diagnostic_count": 2.5})
    assert CheckResult.model_validate_json(result.model_dump_json()) == result


@pytest.mark.parametrize(
    "bad",
    [
        {"points": float("nan")},
        {"points": 1e300},
        {"exit_status": 10**30},
        {"diagnostic_count": 2**64},
        {"seconds": -1},
        {"tags": ["No Tag"]},
        {"check": ""},
    ],
)
def test_invalid_fields_are_rejected(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CheckResult.model_validate({"check": "a", "kind": "test", "outcome": "passed"} | bad)


def test_two_results_of_one_check_are_rejected() -> None:
    with pytest.raises(ValidationError):
        SubmissionObservations(submission="0" * 64, results=(check("a"), check("a")))


def test_the_first_build_that_failed_is_the_build() -> None:
    builds = (check("a", CheckKind.BUILD), check("b", CheckKind.BUILD, Outcome.FAILED), check("c", CheckKind.BUILD))
    observed = SubmissionObservations(submission="0" * 64, results=builds)
    assert observed.build is not None and observed.build.check == "b"


@given(st.lists(st.sampled_from(["a", "a (2)", "b", "x" * LIMITS.name_chars]), max_size=12))
def test_repeated_names_become_unique(names: list[str]) -> None:
    unique = unique_names(names)
    assert len(set(unique)) == len(names) and all(len(each) <= LIMITS.name_chars for each in unique)
