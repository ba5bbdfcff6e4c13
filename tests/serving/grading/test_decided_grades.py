"""Criteria that observations decide, and evidence next to the ratings of a model."""

from collections.abc import Callable
from typing import Any

import pytest

from grader.regrade.replay import replay
from labs_schema.decided_by import OutcomeRule
from labs_schema.grades import Status
from labs_schema.hashes import files_hash, observations_hash
from labs_schema.models import Lab, Submission
from labs_schema.observations import CheckKind, CheckResult, Outcome, SubmissionObservations
from serving.engines.engine import LabelScores
from serving.scoring.triage import ReviewCode, review_code
from serving.store.store import Store

MakeLab = Callable[..., Lab]
RULES = (OutcomeRule(rating="A", all_passed=("build",)), OutcomeRule(rating="C"))


def deciding(lab: Lab) -> Lab:
    """The lab in which the build decides the first criterion."""
    first, *others = lab.criteria
    return lab.model_copy(update={"criteria": (first.model_copy(update={"decided_by": RULES}), *others)})


def built(submission: Submission, outcome: Outcome = Outcome.FAILED) -> Submission:
    result = CheckResult(check="build", kind=CheckKind.BUILD, outcome=outcome)
    found = SubmissionObservations(submission=files_hash(submission), results=(result,))
    return submission.model_copy(update={"observations": found})


def test_the_outcome_gives_the_rating_and_the_model_rates_the_rest(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any
) -> None:
    lab = deciding(make_lab(students=1))
    [grade] = fake_grader.grade(lab, [built(lab.submissions[0])], reasoning=True)
    compiles, readable = grade.criteria
    assert (compiles.rating, compiles.marks, compiles.max_marks, compiles.decided) == ("C", 0, 2, True)
    assert compiles.status is Status.ACCEPTED and compiles.probabilities == {} and compiles.confidence is None
    assert [str(each) for each in compiles.evidence] == ["build: failed"]
    assert not readable.decided and readable.rating == "A" and readable.reasoning
    assert [len(request.labels) for request in fake_engine.calls[0]] == [2]


@pytest.mark.parametrize(("kind", "reviewed"), [(CheckKind.UNIT_TEST, True), (CheckKind.TEST, False)])
def test_a_rating_that_a_program_can_forge_is_reviewed(
    make_lab: MakeLab, fake_grader: Any, kind: CheckKind, reviewed: bool
) -> None:
    """A unit test runs together with the program. A program gains nothing from forging a failed one."""
    lab = deciding(make_lab(students=1))
    rules = OutcomeRule(rating="A", all_passed=("unit",)), OutcomeRule(rating="C")
    lab = lab.model_copy(update={"criteria": (lab.criteria[0].model_copy(update={"decided_by": rules}),)})
    for outcome, rating in ((Outcome.PASSED, "A"), (Outcome.FAILED, "C")):
        result = CheckResult(check="unit", kind=kind, outcome=outcome)
        found = SubmissionObservations(submission=files_hash(lab.submissions[0]), results=(result,))
        [grade] = fake_grader.grade(lab, [lab.submissions[0].model_copy(update={"observations": found})])
        codes = [ReviewCode.NOT_ISOLATED] if reviewed and outcome is Outcome.PASSED else []
        assert grade.criteria[0].rating == rating
        assert [review_code(each) for each in grade.criteria[0].review_reasons] == codes


def test_no_model_is_used_where_everything_is_decided(make_lab: MakeLab, fake_engine: Any, fake_grader: Any) -> None:
    lab = deciding(make_lab(students=1))
    lab = lab.model_copy(update={"criteria": lab.criteria[:1]})
    huge = built(lab.submissions[0].model_copy(update={"files": (lab.submissions[0].files[0],)}), Outcome.PASSED)
    [grade] = fake_grader.grade(lab, [huge])
    assert grade.criteria[0].rating == "A" and fake_engine.calls == []


@pytest.mark.parametrize("outcome", [None, Outcome.ERROR, Outcome.FLAKY])
def test_without_a_conclusive_outcome_the_model_rates_and_a_person_reviews(
    make_lab: MakeLab, fake_grader: Any, outcome: Outcome | None
) -> None:
    lab = deciding(make_lab(students=1))
    [work] = lab.submissions
    [grade] = fake_grader.grade(lab, [work if outcome is None else built(work, outcome)])
    compiles, readable = grade.criteria
    assert compiles.rating == "A" and not compiles.decided and compiles.status is Status.NEEDS_REVIEW
    assert [review_code(each) for each in compiles.review_reasons] == [ReviewCode.NOT_DECIDED]
    assert readable.status is Status.ACCEPTED


def test_a_program_too_long_for_the_model_still_gets_its_decided_rating(make_lab: MakeLab, fake_grader: Any) -> None:
    lab = deciding(make_lab(students=1))
    [work] = lab.submissions
    long = work.model_copy(update={"files": (work.files[0].model_copy(update={"text": "int x;\n" * 50_000}),)})
    [grade] = fake_grader.grade(lab, [built(long)])
    assert [each.rating for each in grade.criteria] == ["C", None]


def test_a_submission_that_needs_review_is_reviewed_also_where_it_is_decided(
    make_lab: MakeLab, fake_grader: Any
) -> None:
    lab = deciding(make_lab(students=1))
    unread = lab.submissions[0].model_copy(update={"unread": ("bad-archive",)})
    [grade] = fake_grader.grade(lab, [built(unread)])
    assert grade.criteria[0].decided and grade.criteria[0].status is Status.NEEDS_REVIEW


def test_evidence_is_listed_with_a_models_rating_unless_a_head_made_little_of_it(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any
) -> None:
    lab = make_lab(students=1)
    moved = [LabelScores((-0.1, -3.0, -3.0), {"evidence": 2.0}), LabelScores((-0.1, -3.0), {"evidence": 0.01})]
    for script, counts in (([], [1, 1]), (moved, [1, 0])):
        fake_engine.script = list(script)
        [grade] = fake_grader.grade(lab, [built(lab.submissions[0])])
        assert [len(each.evidence) for each in grade.criteria] == counts


def test_a_stored_grade_is_replayed_with_its_observations(make_lab: MakeLab, fake_grader: Any, store: Store) -> None:
    lab = deciding(make_lab(students=1))
    student = store.pseudonym_for("cs101", "s1", actor="api")
    work = built(lab.submissions[0].model_copy(update={"student": student, "folder": student}))
    grades = fake_grader.grade(lab, [work])
    assert grades[0].origin.observations_hash == observations_hash(work)
    [grade_id] = store.record_grades(lab, [work], grades, request="r", actor="job")
    assert grade_id is not None and store.read_submission(grade_id) == work
    assert replay(store, grade_id, fake_grader).same
    other = built(work, Outcome.PASSED)
    with pytest.raises(ValueError, match="observations"):
        store.record_grades(lab, [other], grades, request="r2", actor="job")
