"""The guarantee holds in simulated courses, and the simulation detects methods without one."""

from typing import Any

import numpy as np
import pytest

from serving.calibration.risk_control import Bound
from tests.harness.courses.simulated_courses import (
    AGREEMENT,
    SimulatedCourse,
    Violations,
    draw_course,
    guarantee_violations,
    independent_decisions,
    observed_error,
)

CONFIDENCE = 0.9
simulated = pytest.mark.parametrize("draws", [200, pytest.param(1000, marks=pytest.mark.nightly)])


def most(draws: int) -> float:
    """Three standard errors above the allowed share of violations."""
    return 1 - CONFIDENCE + 3 * float(CONFIDENCE * (1 - CONFIDENCE) / draws) ** 0.5


def violations(course: SimulatedCourse, draws: int, **options: Any) -> Violations:
    return guarantee_violations(course, confidence=CONFIDENCE, draws=draws, **options)


@pytest.mark.slow
@simulated
@pytest.mark.parametrize("max_error", [0.05, 0.1])
@pytest.mark.parametrize("correlation", [0.0, 0.5])
@pytest.mark.parametrize("grader", AGREEMENT)
def test_guarantee_is_violated_at_most_as_often_as_stated(
    grader: str, correlation: float, max_error: float, draws: int
) -> None:
    assert violations(SimulatedCourse(30, 24, grader, correlation), draws, max_error=max_error).violated <= most(draws)


@pytest.mark.slow
@simulated
def test_good_grader_is_accepted_in_most_courses(draws: int) -> None:
    assert violations(SimulatedCourse(30, 24, "underconfident", 0.2), draws, max_error=0.05).accepting > 0.9


@pytest.mark.slow
@simulated
@pytest.mark.parametrize("bound", [independent_decisions, observed_error])
def test_invalid_bounds_violate_the_guarantee(bound: Bound, draws: int) -> None:
    course = SimulatedCourse(30, 24, "calibrated", 0.5)
    assert violations(course, draws, max_error=0.05, bound=bound).violated > most(draws)


def test_simulated_errors_are_correlated_and_match_the_confidence() -> None:
    confidences, wrong = draw_course(np.random.default_rng(1), SimulatedCourse(4000, 2, "calibrated", 0.8))
    _, independent = draw_course(np.random.default_rng(1), SimulatedCourse(4000, 2, "calibrated", 0.0))
    assert 1 - wrong.mean() == pytest.approx(confidences.mean(), abs=0.02)
    assert np.corrcoef(wrong.T)[0, 1] > 0.3 > np.corrcoef(independent.T)[0, 1]


def test_always_wrong_students_have_only_errors() -> None:
    course = SimulatedCourse(1000, 20, "underconfident", 0.0, always_wrong=0.1)
    _, wrong = draw_course(np.random.default_rng(2), course)
    assert (wrong.mean(1) == 1).mean() == pytest.approx(0.1, abs=0.03)
