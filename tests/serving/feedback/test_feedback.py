"""The content of feedback: what is released, whose words it has, and which tests it shows."""

import pytest

from labs_schema.grades import Status
from labs_schema.models import Lab
from labs_schema.observations import evidence_line
from serving.feedback.feedback import Feedback, FeedbackOptions, feedback_of, fits
from tests.serving.feedback.conftest import COMPILES, OBSERVED, READABLE, result_of

REVIEW = {"status": Status.NEEDS_REVIEW}
ALL = FeedbackOptions(include_review=True)
VISIBLE = OBSERVED.model_copy(update={"results": tuple(each for each in OBSERVED.results if each.visible)})


def made(lab: Lab, options: FeedbackOptions = ALL, **changes: object) -> Feedback:
    found = feedback_of(result_of(lab, **changes), lab, VISIBLE, options)
    assert found
    return found


@pytest.mark.parametrize("open_", [REVIEW, {"ungraded": "too long"}])
def test_nothing_is_released_while_a_criterion_is_open(lab: Lab, open_: dict[str, object]) -> None:
    assert feedback_of(result_of(lab, **open_), lab, None, FeedbackOptions()) is None
    assert feedback_of(result_of(lab), lab, None, FeedbackOptions()) is not None
    confirmed = result_of(lab, **open_, overridden=(READABLE,), ratings={READABLE: "B"})
    assert feedback_of(confirmed, lab, None, FeedbackOptions()) is not None


def test_open_criteria_are_marked_if_they_are_included(lab: Lab) -> None:
    found = made(lab, **REVIEW)
    assert [each.provisional for each in found.criteria] == [False, True] and found.provisional
    found = made(lab, ungraded="too long")
    assert found.criteria[1].rating is None and found.total is None and found.max_marks == 3


def test_a_persons_rating_and_comment_replace_the_models(lab: Lab) -> None:
    how = {"overridden": (READABLE,), "ratings": {READABLE: "B"}, "comments": {READABLE: "Short names."}}
    found = made(lab, reasoning="Fine names.", **REVIEW, **how)
    assert [(each.rating, each.comment) for each in found.criteria] == [("A", "Fine names."), ("B", "Short names.")]
    assert (found.total, found.criteria[1].marks, found.provisional) == (2, 0, False)
    silent = made(lab, reasoning="Fine names.", overridden=(READABLE,), ratings={READABLE: "B"})
    assert silent.criteria[1].comment == ""  # the model's words explain another rating


def test_probabilities_only_on_request_and_only_the_models(lab: Lab) -> None:
    assert not any(each.probabilities for each in made(lab).criteria)
    found = made(lab, FeedbackOptions(probabilities=True), overridden=(READABLE,))
    assert [bool(each.probabilities) for each in found.criteria] == [True, False]


def test_only_visible_tests_are_shown_and_texts_only_of_failed_ones(lab: Lab) -> None:
    found = feedback_of(result_of(lab), lab, OBSERVED, ALL)
    assert found
    assert [each.name for each in found.checks] == ["three equal", "warnings"]
    assert found.checks[0].texts["Expected"] == "1" and found.checks[1].lines == ("main.c:7: warning: unused x",)
    assert "SECRET" not in found.model_dump_json()


def test_an_explanation_that_may_quote_a_hidden_test_is_left_out(lab: Lab) -> None:
    assert made(lab, reasoning="It fails.").criteria[0].comment == "It fails."
    hidden = feedback_of(result_of(lab, reasoning="It prints SECRET."), lab, OBSERVED, ALL)
    assert hidden and "SECRET" not in hidden.model_dump_json()


def test_evidence_is_shown_as_far_as_students_may_see_it(lab: Lab) -> None:
    lines = tuple(map(evidence_line, OBSERVED.results))
    result = result_of(lab)
    criteria = tuple(each.model_copy(update={"evidence": lines}) for each in result.grade.criteria)
    grade = result.grade.model_copy(update={"criteria": criteria})
    how = {"grade": grade, "overridden": (READABLE,)}
    shown = ("0 of 1 tests passed", "three equal: failed", "warnings: failed at main.c:7")
    for rating, expected in (("B", ()), ("A", shown)):  # of another rating, and of the confirmed one
        found = feedback_of(
            result.model_copy(update={**how, "ratings": {**result.ratings, READABLE: rating}}), lab, OBSERVED, ALL
        )
        assert found and [each.evidence for each in found.criteria] == [shown, expected]
        assert found.tests == "0 of 1 tests passed"


def test_results_of_another_rubric_do_not_fit(lab: Lab) -> None:
    result = result_of(lab)
    assert fits(lab, result)
    assert not fits(lab.model_copy(update={"criteria": lab.criteria[:1]}), result)
    assert not fits(lab, result.model_copy(update={"ratings": {COMPILES: "Z"}}))
