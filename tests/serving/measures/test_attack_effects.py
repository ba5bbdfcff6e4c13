"""Attempts, guards and the shares computed from them."""

from collections.abc import Callable
from typing import Any

import pytest

from labs_schema.grades import CriterionGrade, Grade, Provenance, Status
from labs_schema.models import Lab, Rating
from serving.measures.attack_effects import Attempt, Effect, Guard, attempts, clean_effect, effect, guard_of
from serving.scoring.triage import ReviewCode

MakeLab = Callable[..., Lab]


def answer(criterion: str, rating: str | None, *reasons: str) -> CriterionGrade:
    return CriterionGrade(
        criterion=criterion,
        rating=rating,
        ungraded=None if rating else "overlong",
        status=Status.NEEDS_REVIEW if reasons or not rating else Status.ACCEPTED,
        review_reasons=reasons,
    )


def grade(lab: Lab, student: str, *answers: CriterionGrade) -> Grade:
    provenance = Provenance(**dict.fromkeys(Provenance.model_fields, ""))
    return Grade(lab=lab.name, student=student, criteria=answers, provenance=provenance)


def attempted(lab: Lab, clean: Any, attacked: Any) -> list[Attempt]:
    one, two = (c.title for c in lab.criteria)
    before, after = (grade(lab, "s000", answer(one, *each[0]), answer(two, *each[1])) for each in (clean, attacked))
    return attempts(lab, [before], [after])


def test_a_rating_with_more_marks_than_the_clean_one_is_raised(make_lab: MakeLab) -> None:
    first, second = attempted(
        make_lab(), (("B",), ("A",)), (("A",), ("B", ReviewCode.VERIFICATION_DIFFERS.reason("why")))
    )
    assert (first.raisable, first.raised, first.lowered, first.guard) == (True, True, False, None)
    assert (second.raisable, second.raised, second.lowered, second.guard) == (False, False, True, "verification pass")


def test_ungraded_answers_are_skipped_when_clean_and_never_raised_when_attacked(make_lab: MakeLab) -> None:
    [only] = attempted(make_lab(), (("C",), (None,)), ((None,), ("A",)))
    assert (only.raised, only.lowered, only.guard) == (False, False, "other")


def test_without_marks_an_earlier_rating_is_better(make_lab: MakeLab) -> None:
    lab = make_lab()
    ratings = tuple(Rating(title=title) for title in "AB")
    bare = lab.model_copy(update={"criteria": tuple(c.model_copy(update={"ratings": ratings}) for c in lab.criteria)})
    raised, lowered = attempted(bare, (("B",), ("A",)), (("A",), ("B",)))
    assert (raised.raised, lowered.lowered, lowered.raisable) == (True, True, False)


def test_agreement_compares_both_ratings_with_the_ta(make_lab: MakeLab) -> None:
    lab = make_lab()
    given = lab.ratings_by_student["s000"]
    assert [given[c.title] for c in lab.criteria] == ["A", "B"]
    first, second = attempted(lab, (("A",), ("A",)), (("B",), ("B",)))
    assert [(a.agreed, a.agrees) for a in (first, second)] == [(True, False), (False, True)]


@pytest.mark.parametrize(
    ("codes", "guard"),
    [
        ([], None),
        ([ReviewCode.SUSPICIOUS_TEXT, ReviewCode.LOW_CONFIDENCE], "detector"),
        ([ReviewCode.VERIFICATION_DIFFERS], "verification pass"),
        ([ReviewCode.VERIFICATION_FAILED], "verification pass"),
        ([ReviewCode.LOW_CONFIDENCE], "low confidence"),
        ([ReviewCode.LOW_LABEL_MASS], "low confidence"),
        ([ReviewCode.TIED], "low confidence"),
        ([ReviewCode.ORDER_SENSITIVE], "low confidence"),
        ([ReviewCode.TRUNCATED], "other"),
    ],
)
def test_the_guard_is_the_first_that_sent_the_answer_to_review(codes: list[ReviewCode], guard: str | None) -> None:
    assert guard_of(answer("x", "A", *(code.reason("why") for code in codes))) == guard


def test_a_reason_without_a_known_code_is_another_guard() -> None:
    assert guard_of(answer("x", "A", "the program was too long")) == "other"


def attempt(
    student: str, raised: bool = False, guard: Guard | None = None, *, raisable: bool = True, agrees: bool | None = None
) -> Attempt:
    return Attempt(
        student=student, raisable=raisable, raised=raised, lowered=False, guard=guard, agrees=agrees, agreed=agrees
    )


CLEAN = [attempt(student) for student in "abcd"]


def found(attacked: list[Attempt], repeated: list[Attempt], control: list[Attempt] = CLEAN) -> Effect:
    return effect(attacked, repeated, control, resamples=400)


def test_shares_count_raisable_answers_and_undetected_raises() -> None:
    attacked = [
        attempt("a", raised=True),
        attempt("b", raised=True, guard="detector"),
        attempt("b", raised=True, guard="verification pass"),
        attempt("c", guard="detector"),
        attempt("d", raisable=False),
    ]
    result = found(attacked, CLEAN)
    assert (result.attempts, result.raisable, result.undetected_raises) == (5, 4, 1)
    assert (result.raised.value, result.undetected.value, result.flagged.value) == (0.75, 0.25, 0.4)
    assert result.caught == {"detector": 1, "verification pass": 1, "low confidence": 0, "other": 0}


def test_raises_of_the_repeated_grading_are_subtracted() -> None:
    attacked = [attempt(student, raised=student in "ab") for student in "abcd"]
    noisy = [attempt(student, raised=student == "a") for student in "abcd"]
    assert found(attacked, CLEAN).above_repeat.value == 0.5
    assert found(attacked, noisy).above_repeat.value == 0.25
    same = found(noisy, noisy).above_repeat
    assert (same.value, same.low, same.high) == (0, 0, 0)  # both sides share the resamples


def test_raises_by_control_text_are_subtracted() -> None:
    attacked = [attempt(student, raised=student in "abc") for student in "abcd"]
    result = found(attacked, CLEAN, [attempt(student, raised=student in "ab") for student in "abcd"])
    assert (result.above_repeat.value, result.above_control.value) == (0.75, 0.25)


def test_intervals_resample_students_not_answers() -> None:
    one = [attempt("a", raised=True)] * 50 + [attempt("b")] * 50
    many = [attempt(str(i), raised=i % 2 == 0) for i in range(100)]
    wide, narrow = (found(each, each).raised for each in (one, many))
    assert (wide.low, wide.value, wide.high) == (0, 0.5, 1)
    assert narrow.low is not None and narrow.low == pytest.approx(0.4, abs=0.03)


def test_shares_are_undefined_without_raisable_answers() -> None:
    result = found([attempt("a", raisable=False)], [attempt("a", raisable=False)])
    assert (result.raised.value, result.above_repeat.value, result.undetected_raises) == (None, None, 0)


def test_agreement_change_counts_rated_answers_only() -> None:
    attacked = [
        attempt("a", agrees=True).model_copy(update={"agrees": False}),
        attempt("b", agrees=True),
        attempt("c"),
    ]
    assert found(attacked, CLEAN).agreement_change.value == -0.5


def test_false_alarms_are_counted_on_clean_programs() -> None:
    repeated = [
        attempt("a", guard="detector", agrees=True),
        attempt("a", guard="detector", agrees=False),
        attempt("b", guard="verification pass"),
        attempt("c", raised=True),
    ]
    result = clean_effect(repeated, resamples=100)
    assert (result.submissions, result.flagged_submissions, result.answers) == (3, 1, 4)
    assert (result.sent_by_detector.value, result.sent_by_verification_pass.value, result.accepted.value) == (
        0.5,
        0.25,
        0.25,
    )
    assert (result.agreement.value, result.repeat_raised.value) == (0.5, 0.25)
