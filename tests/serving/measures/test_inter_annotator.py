"""Agreement of several TAs on the same submissions, worked out by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from labs_schema.models import HumanGrade, Lab
from serving.measures.inter_annotator import Unit, inter_annotator_agreement, majority_match, units_of
from tests.harness.courses.decisions import decision


def unit(student: str, **given: int) -> Unit:
    return Unit(lab="lab", student=student, criterion="c", ratings=3, given=given)


def test_units_are_criteria_rated_by_at_least_two_tas(make_lab: Callable[..., Lab]) -> None:
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


def test_three_tas_on_two_submissions_by_hand() -> None:
    """s1: A A B, so one pair of three agrees; s2: C C C. Ann matches half of the tie A, B of the others on s1."""
    units = [unit("s1", ann=0, bob=0, cat=1), unit("s2", ann=2, bob=2, cat=2)]
    found = inter_annotator_agreement(units, [decision("s1"), decision("s2", grader=None)], resamples=50)
    assert found is not None
    assert (found.units, found.students) == (2, 2)
    assert found.pairwise.value == pytest.approx((1 / 3 + 1) / 2)
    assert found.grader.value == pytest.approx((2 / 3 + 0) / 2)
    assert {rater: figures.with_others.value for rater, figures in found.raters.items()} == pytest.approx(
        {"ann": 0.75, "bob": 0.75, "cat": 0.5}
    )


def test_a_tied_majority_counts_in_parts() -> None:
    assert majority_match(1, [1, 1, 0]) == 1
    assert majority_match(0, [1, 1, 0]) == 0
    assert majority_match(2, [0, 2]) == 0.5
    assert majority_match(2, [0, 1]) == 0
    assert majority_match(3, [0]) == 0


def test_alpha_is_one_for_equal_ratings_and_near_zero_for_random_ones() -> None:
    rng = np.random.default_rng(0)
    same = [unit(f"s{i}", ann=int(r), bob=int(r)) for i, r in enumerate(rng.integers(0, 3, 50))]
    found = inter_annotator_agreement(same, [], resamples=50)
    assert found is not None and found.alpha.value == 1 and found.grader.value is None
    random = [unit(f"s{i}", ann=int(a), bob=int(b)) for i, (a, b) in enumerate(rng.integers(0, 3, (500, 2)))]
    found = inter_annotator_agreement(random, [], resamples=50)
    assert found is not None and found.alpha.value is not None and abs(found.alpha.value) < 0.1


def test_no_agreement_without_units() -> None:
    assert inter_annotator_agreement([], []) is None
