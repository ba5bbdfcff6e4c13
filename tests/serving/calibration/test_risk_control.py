"""Upper bounds, fixed-sequence testing and the intra-class correlation, by hand and against scipy."""

import numpy as np
import pytest
from scipy import stats

from serving.calibration.risk_control import (
    Step,
    fixed_sequence,
    intra_class_correlation,
    lowest_threshold,
    per_student,
    students_needed,
    upper_bounds,
)


def test_bound_is_clopper_pearson_with_one_decision_per_student() -> None:
    errors, accepted = np.array([1.0] * 3 + [0.0] * 57), np.ones(60)
    exact = stats.binomtest(3, 60).proportion_ci(0.8, method="exact").high
    assert upper_bounds(errors, accepted, 0.9, 0.5) == pytest.approx(exact, rel=0.01)


def test_correlated_decisions_without_errors_count_less() -> None:
    none, ten = np.zeros(40), np.full(40, 10.0)
    independent, correlated, identical = (float(upper_bounds(none, ten, 0.9, rho)) for rho in (0.0, 0.5, 1.0))
    assert independent == pytest.approx(1 - 0.1 ** (1 / 400), rel=0.05)
    assert identical == pytest.approx(1 - 0.1 ** (1 / 40), rel=0.05)
    assert independent < correlated < identical


def test_errors_of_one_student_raise_the_bound() -> None:
    accepted = np.full(20, 10.0)
    together, spread = np.zeros(20), np.zeros(20)
    together[0], spread[:6] = 6, 1
    assert upper_bounds(together, accepted, 0.9, 0.1) > upper_bounds(spread, accepted, 0.9, 0.1)


def test_bound_is_one_with_fewer_than_two_students() -> None:
    none, one = np.zeros(3), np.array([50.0, 0.0, 0.0])
    assert upper_bounds(none, one, 0.9, 0.1) == 1
    assert upper_bounds(none, none, 0.9, 0.1) == 1


def test_testing_stops_at_the_first_failure() -> None:
    tests = [Step(0.9, 10, 0.0, 0.04), Step(0.8, 20, 0.1, 0.06), Step(0.7, 30, 0.0, 0.04)]
    assert lowest_threshold(tests, 0.05) == tests[0]
    assert lowest_threshold(tests[1:], 0.05) is None


def test_tested_thresholds_do_not_depend_on_errors() -> None:
    rng = np.random.default_rng(3)
    confidences, students = rng.uniform(size=90), np.repeat(np.arange(9), 10)
    one, other = (
        fixed_sequence(confidences, wrong.astype(float), students, confidence=0.9, correlation=0.1)
        for wrong in (confidences < 0.5, confidences > 0.5)
    )
    assert [(t.threshold, t.accepted) for t in one] == [(t.threshold, t.accepted) for t in other]
    assert one[0].accepted == 18 and one[-1].accepted == 90


def test_equal_confidences_are_accepted_together() -> None:
    confidences, students = np.array([0.9, 0.9, 0.9, 0.5]), np.array([0, 1, 2, 2])
    tests = fixed_sequence(confidences, np.zeros(4), students, confidence=0.9, correlation=0.1)
    assert {t.accepted for t in tests} == {3, 4}


def test_intra_class_correlation_and_its_lower_limit() -> None:
    students = np.repeat(np.arange(10), 5)
    assert intra_class_correlation(np.repeat([1.0, 0.0] * 5, 5), students) == pytest.approx(1)
    assert intra_class_correlation(np.tile([1.0, 0, 0, 0, 0], 10), students) == 0.1
    assert intra_class_correlation(np.zeros(50), students) == 0.1


def test_students_needed_for_a_passing_test() -> None:
    test = Step(0.9, 100, 0.02, 0.2)
    needed = students_needed(test, 10, 0.05, 0.9, 0.1)
    assert needed is not None and needed > 10
    each = np.full(needed, 10.0)
    assert upper_bounds(each * 0.02, each, 0.9, 0.1) <= 0.05 < upper_bounds(each[1:] * 0.02, each[1:], 0.9, 0.1)
    assert students_needed(test._replace(disagreed=0.06), 10, 0.05, 0.9, 0.1) is None


def test_values_are_summed_by_student() -> None:
    assert per_student(np.array([[1.0, 2, 3], [0, 1, 0]]), np.array([1, 0, 1])).tolist() == [[2, 4], [1, 0]]


@pytest.mark.slow
@pytest.mark.parametrize(("correlation", "least", "most"), [(0.1, 0.0, 0.1), (0.3, 0.1, 0.17), (0.5, 0.13, 0.23)])
def test_bound_is_too_low_for_strongly_clustered_errors(correlation: float, least: float, most: float) -> None:
    """A known limit (docs/guide/calibration.md): error rates of 23 students are drawn from a beta distribution with
    mean .05, so that the errors themselves (not a latent normal) are correlated by `correlation`."""
    students, each, share, draws = 23, 24, 0.05, 1500
    rng, members = np.random.default_rng(1), np.repeat(np.arange(23), 24)
    below = 0
    for _ in range(draws):
        own = rng.beta(share * (1 / correlation - 1), (1 - share) * (1 / correlation - 1), students)
        wrong = (rng.random((students, each)) < own[:, None]).astype(float)
        accepted = np.full(students, float(each))
        below += upper_bounds(wrong.sum(1), accepted, 0.9, intra_class_correlation(wrong.ravel(), members)) < share
    assert least <= below / draws <= most
