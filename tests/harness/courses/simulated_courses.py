"""Simulated courses with a known error rate, to measure how often the guarantee of `risk_control` is violated."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from serving.calibration.risk_control import (
    Bound,
    fixed_sequence,
    intra_class_correlation,
    lowest_threshold,
    upper_bounds,
)
from serving.measures.arrays import Floats

AGREEMENT: dict[str, Callable[[Floats], Floats]] = {
    "calibrated": lambda confidence: confidence,
    "overconfident": lambda confidence: confidence**2,
    "underconfident": lambda confidence: 1 - (1 - confidence) ** 2,
    "uninformative": lambda confidence: np.full_like(confidence, 0.94),
}
"""Kind of grader -> probability that the TA agrees, given the confidence."""


class SimulatedCourse(NamedTuple):
    """`students` students with `each` decisions. `correlation`: of the latent errors of two decisions of a student, 0
    to 1. `always_wrong`: share of students about whom the grader is always wrong."""

    students: int
    each: int
    grader: str
    correlation: float
    always_wrong: float = 0.0


class Violations(NamedTuple):
    """`violated`: share of courses whose accepted decisions truly disagree more often than guaranteed. `accepting`:
    share of courses in which anything is accepted. `accepted`: mean share of accepted decisions."""

    violated: float
    accepting: float
    accepted: float


def draw_course(rng: np.random.Generator, course: SimulatedCourse) -> tuple[Floats, Floats]:
    """Confidences and errors (0 or 1), both of shape (students, each).

    A Gaussian copula correlates a student's errors without changing the probability of agreement at a confidence.
    """
    per_student, shape = (course.students, 1), (course.students, course.each)
    confidences = stats.norm.cdf(1.3 + 0.4 * rng.normal(size=per_student) + 0.8 * rng.normal(size=shape))
    latent = course.correlation**0.5 * rng.normal(size=per_student)
    latent = latent + (1 - course.correlation) ** 0.5 * rng.normal(size=shape)
    wrong = stats.norm.cdf(latent) > AGREEMENT[course.grader](confidences)
    wrong |= rng.uniform(size=per_student) < course.always_wrong
    return confidences, wrong.astype(float)


def guarantee_violations(
    course: SimulatedCourse, *, max_error: float, confidence: float, draws: int, bound: Bound = upper_bounds
) -> Violations:
    """Over `draws` courses like `course`, with the confidence bound `bound`."""
    rng = np.random.default_rng(7)
    large, _ = draw_course(rng, course._replace(students=20_000, correlation=0.0))
    ranked = np.sort(large.ravel())[::-1]
    agreement = AGREEMENT[course.grader](ranked) * (1 - course.always_wrong)
    true_errors = np.cumsum(1 - agreement) / np.arange(1, ranked.size + 1)
    students = np.repeat(np.arange(course.students), course.each)
    violated = accepting = 0
    accepted = 0.0
    for _ in range(draws):
        confidences, wrong = (each.ravel() for each in draw_course(rng, course))
        tests = fixed_sequence(
            confidences,
            wrong,
            students,
            confidence=confidence,
            correlation=intra_class_correlation(wrong, students),
            bound=bound,
        )
        if best := lowest_threshold(tests, max_error):
            accepting += 1
            accepted += best.accepted / confidences.size
            violated += bool(true_errors[np.searchsorted(-ranked, -best.threshold, side="right") - 1] > max_error)
    return Violations(violated / draws, accepting / draws, accepted / draws)


def independent_decisions(errors: Floats, accepted: Floats, confidence: float, correlation: float) -> Floats:
    """A bound that is too low: Clopper & Pearson's, as if all decisions were independent."""
    del correlation
    wrong, n = errors.sum(-1), accepted.sum(-1)
    return np.array(stats.beta.ppf(confidence, wrong + 1, n - wrong))


def observed_error(errors: Floats, accepted: Floats, confidence: float, correlation: float) -> Floats:
    """A bound that is too low: the observed share."""
    del confidence, correlation
    return np.array(errors.sum(-1) / accepted.sum(-1))
