"""Observations as features."""

from collections.abc import Sequence

import numpy as np

from labs_schema.observations import CheckKind, CheckResult, Match, Outcome, SubmissionObservations
from serving.head.evidence_features import Evidence, evidence_columns, evidence_features, evidence_matrix

PASSED, FAILED = Outcome.PASSED, Outcome.FAILED
BUILD = CheckResult(check="build", kind=CheckKind.BUILD, outcome=PASSED)


def ran(name: str, outcome: Outcome = PASSED, match: Match | None = None, stdin: str = "", *tags: str) -> CheckResult:
    return CheckResult(check=name, kind=CheckKind.TEST, outcome=outcome, match=match, input=stdin, tags=tags)


def features(results: Sequence[CheckResult]) -> Evidence:
    return evidence_features(SubmissionObservations(submission="0" * 64, results=tuple(results)), "lab1")


def test_nothing_observed_gives_no_features() -> None:
    assert evidence_features(None, "lab1") == {}
    assert features([]) == {}
    assert features([ran("a", Outcome.ERROR), ran("b", Outcome.FLAKY)]) == {}


def test_shares_are_of_all_tests_and_of_each_tag() -> None:
    found = features(
        [
            BUILD,
            ran("a", PASSED, None, "1", "ordinary"),
            ran("b", FAILED, None, "2", "boundary"),
            ran("c", PASSED, None, "3", "boundary"),
            ran("d", Outcome.NOT_RUN, None, "4", "boundary"),
        ]
    )
    assert found["build: passed"] == 1 and found["tests ordinary: all"] == 1
    assert found["tests: share"] == 2 / 3 and found["tests boundary: share"] == 0.5
    assert found["first failure: failed"] == 1 and "tests boundary: all" not in found


def test_tests_of_a_program_that_does_not_build_count_as_failed() -> None:
    found = features([BUILD.model_copy(update={"outcome": FAILED}), ran("a", Outcome.NOT_RUN)])
    assert found["build: failed"] == 1 and found["tests: none"] == 1 and "build: passed" not in found


def test_right_values_in_another_format_are_a_matter_of_format() -> None:
    inexact = features([ran("a", FAILED, Match.VALUES, "1"), ran("b", FAILED, Match.NONE, "2")])
    assert inexact["values: share"] == 0.5 and inexact["format: none"] == 1
    lenient = features([ran("a", PASSED, None, "1"), ran("a, exact", FAILED, Match.WORDS, "1")])
    assert lenient["format: none"] == 1 and lenient["values: all"] == 1
    exact = features([ran("a", PASSED, None, "1"), ran("a, exact", PASSED, Match.EXACT, "1")])
    assert exact["format: all"] == 1
    spaces = features([ran("a", PASSED, Match.WHITESPACE, "1")])
    assert spaces["tests: all"] == 1 and spaces["format: none"] == 1


def test_each_degree_of_closeness_includes_the_closer_ones() -> None:
    found = features([ran("a", PASSED, Match.EXACT), ran("b", FAILED, Match.WORDS), ran("c")])
    assert found["output exact: share"] == 0.5 and "output whitespace: all" not in found
    assert found["output words: all"] == found["output values: all"] == 1


def test_abnormal_ends_and_diagnostics_are_counted() -> None:
    warnings = CheckResult(check="gcc", kind=CheckKind.WARNINGS, outcome=FAILED, diagnostic_count=3)
    found = features([BUILD, warnings, ran("a", Outcome.CRASHED), ran("b", Outcome.TIMEOUT)])
    assert found["crashed: any"] == 1 and found["timeout: share"] == 0.5 and "ends: all" not in found
    assert found["warnings: none"] == 1 and 0 < found["warnings: diagnostics"] < 1


def test_features_of_single_tests_name_their_lab_and_rare_features_are_left_out() -> None:
    one, two = features([ran("a"), ran("b")]), features([ran("a"), ran("b", FAILED)])
    assert "test lab1/a" in one and "test lab1/b" not in two
    columns = evidence_columns([one, two, {}])
    assert "test lab1/a" in columns and "test lab1/b" not in columns
    matrix = evidence_matrix([one, two, {}], columns)
    assert matrix.observed.tolist() == [True, True, False]
    assert (matrix.values >= 0).all() and (matrix.values <= 1).all() and not matrix.values[2].any()
    assert not evidence_matrix([one], ()).observed.any() and np.shape(evidence_matrix([one], ()).values) == (1, 0)
