"""Platforms get the evidence that students may see, and never a word about a hidden test."""

from collections.abc import Callable

import pytest

from labs_schema.models import Lab
from labs_schema.observations import CheckKind, CheckResult, Outcome, SubmissionObservations, evidence_line
from serving.deliveries.records import GradeRecord, read_records
from serving.store.store import Store
from tests.harness.browser.pages import COURSE, record_lab

PASSED = CheckResult(check="three numbers", kind=CheckKind.TEST, outcome=Outcome.PASSED, visible=True)
FAILED = CheckResult(check="boundary", kind=CheckKind.TEST, outcome=Outcome.FAILED, visible=True, input="0")
HIDDEN = CheckResult(check="SECRET", kind=CheckKind.TEST, outcome=Outcome.FAILED, input="SECRET")


@pytest.fixture
def record(store: Store, make_lab: Callable[..., Lab]) -> Callable[..., GradeRecord]:
    def record(*results: CheckResult) -> GradeRecord:
        lab = make_lab(students=1)
        observations = SubmissionObservations(submission="0" * 64, results=results)
        submission = lab.submissions[0].model_copy(update={"observations": observations})
        shown = tuple(evidence_line(each) for each in results if not each.passed)
        first = {"evidence": shown, "reasoning": "It fails for 0 and SECRET."}
        record_lab(store, lab.model_copy(update={"submissions": (submission,)}), c0=first)
        [found] = read_records(store, COURSE, "lab1")
        return found

    return record


def test_visible_evidence_and_the_number_of_passed_tests_are_sent(record: Callable[..., GradeRecord]) -> None:
    found = record(PASSED, FAILED)
    assert found.criteria[0].comment.endswith("Evidence: 1 of 2 tests passed; boundary: failed")
    assert found.criteria[0].comment.startswith("It fails") and found.tests == "1 of 2 tests passed"
    assert found.text.endswith("1 of 2 tests passed")


def test_hidden_tests_are_neither_named_nor_counted_nor_quoted(record: Callable[..., GradeRecord]) -> None:
    found = record(PASSED, FAILED, HIDDEN)
    assert "SECRET" not in found.model_dump_json() and found.tests == "1 of 2 tests passed"
    assert found.criteria[0].comment == "Evidence: 1 of 2 tests passed; boundary: failed"
