"""The paired test of two graders, by hand, against scipy's t-test, and on graders that are alike."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from serving.measures.decisions import Decision
from serving.measures.sign_flip import FLIPS, sign_flip_test


def decision(student: str) -> Decision:
    return Decision(lab="lab", language="C", student=student, criterion="c", ratings=2, human=0, grader=0)


def test_three_students_that_all_gain_are_as_extreme_as_two_of_eight_flips() -> None:
    """Sums 1, 2, 3: of the 8 signings only +++ and --- are as far from 0 as the sum 6."""
    decisions = [decision(student) for student in ("a", "b", "b", "c", "c", "c")]
    assert sign_flip_test(decisions, np.ones(6)) == pytest.approx(2 / 8)


def test_a_students_decisions_flip_together() -> None:
    """Twenty decisions of one student are one observation, however many they are."""
    one_student = [decision("a") for _ in range(20)]
    assert sign_flip_test(one_student, np.ones(20)) == 1.0
    assert sign_flip_test([decision(f"s{i}") for i in range(20)], np.ones(20)) == pytest.approx(2 / (FLIPS + 1))


def test_nothing_to_test_where_nothing_differs_or_is_known() -> None:
    decisions = [decision("a"), decision("b")]
    assert sign_flip_test(decisions, np.zeros(2)) is None
    assert sign_flip_test(decisions, np.array([np.nan, np.nan])) is None


def test_p_is_close_to_that_of_the_t_test_on_many_students() -> None:
    rng = np.random.default_rng(3)
    differences = rng.normal(0.2, 1, 150)
    p = sign_flip_test([decision(f"s{i}") for i in range(150)], differences)
    assert p == pytest.approx(ttest_1samp(differences, 0).pvalue, abs=0.01)


def test_graders_that_are_alike_are_called_different_about_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(0)
    called = 0
    for _ in range(200):
        differences = rng.choice([-1.0, 0.0, 1.0], 60)
        students = [decision(f"s{i // 6}") for i in range(60)]
        p = sign_flip_test(students, differences, resamples=200)
        called += p is not None and p <= 0.05
    assert called <= 20
