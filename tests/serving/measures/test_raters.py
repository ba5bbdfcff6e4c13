"""Several TAs on the same work: pairs, alpha and each against the others, worked out by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from labs_schema.models import HumanGrade, Lab
from serving.measures.decisions import Decision
from serving.measures.raters import Unit, ceiling, units_of, with_others


def unit(student: str, **given: int) -> Unit:
    return Unit(lab="lab", student=student, criterion="c", ratings=3, given=given)


def test_units_are_criteria_that_two_tas_rated(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=2)
    grades = [
        HumanGrade(student="s000", criterion="Does it compile?", rating="C", rater="ann"),
        HumanGrade(student="s000", criterion="Does it compile?", rating="A", rater="bob"),
        HumanGrade(student="s000", criterion="Is it readable?", rating="A", rater="bob"),
        HumanGrade(student="s001", criterion="Does it compile?", rating="A", rater="bob"),
    ]
    lab = lab.model_copy(update={"rater_grades": tuple(grades)})
    [found] = units_of(lab, ["s000", "s001"])
    assert (found.student, found.ratings, found.given) == ("s000", 3, {"ann": 2, "bob": 0})
    assert units_of(lab, ["s001"]) == []


def test_three_tas_on_two_works_are_worked_out_by_hand() -> None:
    """s1: A A B, so one pair of three agrees; s2: all C. Ann is with the others' tie (A, B) by half, then wholly."""
    units = [unit("s1", ann=0, bob=0, cat=1), unit("s2", ann=2, bob=2, cat=2)]
    answers = [
        Decision(lab="lab", language="C", student=s, criterion="c", ratings=3, human=0, grader=g)
        for s, g in (("s1", 0), ("s2", None))
    ]
    found = ceiling(units, answers, resamples=50)
    assert found is not None
    assert (found.units, found.students) == (2, 2)
    assert found.pairwise.value == pytest.approx((1 / 3 + 1) / 2)
    assert found.grader.value == pytest.approx((2 / 3 + 0) / 2)
    assert {rater: figures.with_others.value for rater, figures in found.raters.items()} == pytest.approx(
        {"ann": 0.75, "bob": 0.75, "cat": 0.5}
    )


def test_the_majority_of_the_others_may_be_a_tie() -> None:
    assert with_others(1, [1, 1, 0]) == 1
    assert with_others(0, [1, 1, 0]) == 0
    assert with_others(2, [0, 2]) == 0.5
    assert with_others(2, [0, 1]) == 0
    assert with_others(3, [0]) == 0


def test_tas_who_always_agree_have_alpha_one_and_random_ones_none() -> None:
    rng = np.random.default_rng(0)
    same = [unit(f"s{i}", ann=int(r), bob=int(r)) for i, r in enumerate(rng.integers(0, 3, 50))]
    found = ceiling(same, [], resamples=50)
    assert found is not None and found.alpha.value == 1 and found.grader.value is None
    apart = [unit(f"s{i}", ann=int(a), bob=int(b)) for i, (a, b) in enumerate(rng.integers(0, 3, (500, 2)))]
    found = ceiling(apart, [], resamples=50)
    assert found is not None and found.alpha.value is not None and abs(found.alpha.value) < 0.1


def test_work_that_one_ta_rated_has_no_ceiling() -> None:
    assert ceiling([], []) is None
