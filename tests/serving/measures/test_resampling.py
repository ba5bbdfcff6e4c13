"""The cluster bootstrap and the sign-flip test: by hand, against scipy, and by simulated coverage."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from serving.measures.agreement import exact_matches
from serving.measures.resampling import FLIPS, draw, estimate, sign_flip_test, weighted_mean
from tests.harness.courses.decisions import decision


def test_resamples_draw_students_with_all_their_decisions() -> None:
    decisions = [decision(f"s{i}", criterion=name) for i in range(8) for name in ("c", "d")]
    weights = draw(decisions, "students", resamples=100, seed=1).decisions
    assert (weights[:, 0::2] == weights[:, 1::2]).all()
    assert (weights.sum(1) == len(decisions)).all()


def test_interval_covers_the_true_value_at_its_nominal_rate() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        drawn = [decision(f"s{i}", 0, 0 if rng.random() < 0.7 else 1) for i in range(100)]
        weights = draw(drawn, "students", resamples=200, seed=trial).decisions
        found = estimate(weighted_mean(weights, exact_matches(drawn)))
        assert found.low is not None and found.high is not None
        covered += found.low <= 0.7 <= found.high
    assert 180 <= covered <= 200


def test_sign_flip_p_value_of_three_students_by_hand() -> None:
    """Sums 1, 2, 3: of the 8 sign patterns only +++ and --- are as far from 0 as the sum 6."""
    decisions = [decision(student) for student in ("a", "b", "b", "c", "c", "c")]
    assert sign_flip_test(decisions, np.ones(6)) == pytest.approx(2 / 8)


def test_decisions_of_a_student_flip_together() -> None:
    """Twenty decisions of one student are one observation."""
    one_student = [decision("a") for _ in range(20)]
    assert sign_flip_test(one_student, np.ones(20)) == 1.0
    assert sign_flip_test([decision(f"s{i}") for i in range(20)], np.ones(20)) == pytest.approx(2 / (FLIPS + 1))


def test_sign_flip_test_is_undefined_without_differences() -> None:
    decisions = [decision("a"), decision("b")]
    assert sign_flip_test(decisions, np.zeros(2)) is None
    assert sign_flip_test(decisions, np.array([np.nan, np.nan])) is None


def test_sign_flip_p_value_approaches_the_t_test_on_many_students() -> None:
    rng = np.random.default_rng(3)
    differences = rng.normal(0.2, 1, 150)
    p = sign_flip_test([decision(f"s{i}") for i in range(150)], differences)
    assert p == pytest.approx(ttest_1samp(differences, 0).pvalue, abs=0.01)


def test_sign_flip_test_keeps_its_false_positive_rate() -> None:
    rng = np.random.default_rng(0)
    significant = 0
    for _ in range(200):
        differences = rng.choice([-1.0, 0.0, 1.0], 60)
        students = [decision(f"s{i // 6}") for i in range(60)]
        p = sign_flip_test(students, differences, resamples=200)
        significant += p is not None and p <= 0.05
    assert significant <= 20
