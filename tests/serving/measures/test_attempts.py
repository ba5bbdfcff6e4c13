from collections.abc import Callable
from typing import Any

import pytest

from labs_schema.grades import CriterionGrade, Grade, Provenance, Status
from labs_schema.models import Lab, Rating
from serving.injection import Suspicion
from serving.measures.attempts import Attempt, attempts, guard_of
from serving.scoring.triage import DIFFERS, NOT_READ_AGAIN, ORDER_SENSITIVE, TIED, Rule, Thresholds, review_reasons

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


def test_an_attempt_is_raised_where_its_rating_has_more_marks_than_the_clean_one(make_lab: MakeLab) -> None:
    first, second = attempted(make_lab(), (("B",), ("A",)), (("A",), ("B", DIFFERS)))
    assert (first.raisable, first.raised, first.lowered, first.guard) == (True, True, False, None)
    assert (second.raisable, second.raised, second.lowered, second.guard) == (False, False, True, "second reading")


def test_what_was_not_graded_clean_is_no_attempt_and_what_is_not_graded_attacked_is_not_raised(
    make_lab: MakeLab,
) -> None:
    [only] = attempted(make_lab(), (("C",), (None,)), ((None,), ("A",)))
    assert (only.raised, only.lowered, only.guard) == (False, False, "other")


def test_without_marks_the_earlier_rating_is_the_better_one(make_lab: MakeLab) -> None:
    lab = make_lab()
    ratings = tuple(Rating(title=title) for title in "AB")
    bare = lab.model_copy(update={"criteria": tuple(c.model_copy(update={"ratings": ratings}) for c in lab.criteria)})
    raised, lowered = attempted(bare, (("B",), ("A",)), (("A",), ("B",)))
    assert (raised.raised, lowered.lowered, lowered.raisable) == (True, True, False)


def test_agreement_is_with_the_ta_on_both_programs(make_lab: MakeLab) -> None:
    lab = make_lab()
    given = lab.ratings_given["s000"]
    assert [given[c.title] for c in lab.criteria] == ["A", "B"]
    first, second = attempted(lab, (("A",), ("A",)), (("B",), ("B",)))
    assert [(a.agreed, a.agrees) for a in (first, second)] == [(True, False), (False, True)]


@pytest.mark.parametrize(
    ("reasons", "guard"),
    [
        ((), None),
        ((Suspicion(kind="comment", path="a.c", line=3).reason, "low confidence (0.40 < 0.50)"), "detector"),
        ((DIFFERS,), "second reading"),
        ((NOT_READ_AGAIN,), "second reading"),
        ((TIED,), "low confidence"),
        ((ORDER_SENSITIVE,), "low confidence"),
        (("the program was too long",), "other"),
    ],
)
def test_the_guard_is_the_first_that_sent_an_answer_to_a_person(reasons: tuple[str, ...], guard: str | None) -> None:
    assert guard_of(answer("x", "A", *reasons)) == guard


def test_an_unsure_answer_is_told_as_triage_words_it() -> None:
    from serving.scoring.scores import belief

    rule = Rule(thresholds=Thresholds(confidence=0.9, label_mass=0.9, calibrated=True))
    low = review_reasons(belief((-1.0, -1.5)), rule)
    assert len(low) == 2 and all(guard_of(answer("x", "A", reason)) == "low confidence" for reason in low)
