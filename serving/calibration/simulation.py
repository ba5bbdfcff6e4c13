"""Made-up courses in which the truth is known, to see how often a promise of `risk_control` is broken. Pure."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from serving.calibration.risk_control import (
    Bound,
    Floats,
    correlation_of,
    fixed_sequence,
    lowest_threshold,
    upper_bounds,
)

HITS: dict[str, Callable[[Floats], Floats]] = {
    "calibrated": lambda sure: sure,
    "overconfident": lambda sure: sure**2,
    "underconfident": lambda sure: 1 - (1 - sure) ** 2,
    "says nothing": lambda sure: np.full_like(sure, 0.94),
}
"""Kind of grader -> how probable it is, at a confidence, that the TA agrees."""


class Course(NamedTuple):
    """`students` students with `each` decisions. Two decisions of a student are as alike as `alike` (0 to 1) says; the
    share `lost` of the students are such that the grader is always wrong about them."""

    students: int
    each: int
    hits: str
    alike: float
    lost: float = 0.0


class Kept(NamedTuple):
    """In which share of the courses the promise is broken, that is, what is accepted truly disagrees more often than
    promised; in which anything is accepted; and how much is, of all decisions, on average."""

    broken: float
    accepting: float
    accepted: float


def draw_course(draw: np.random.Generator, course: Course) -> tuple[Floats, Floats]:
    """Confidences and disagreements of shape (students, each).

    A Gaussian copula lets a student's decisions hang together without touching the chance of agreement at a confidence.
    """
    people, shape = (course.students, 1), (course.students, course.each)
    sure = stats.norm.cdf(1.3 + 0.4 * draw.normal(size=people) + 0.8 * draw.normal(size=shape))
    luck = course.alike**0.5 * draw.normal(size=people) + (1 - course.alike) ** 0.5 * draw.normal(size=shape)
    wrong = (stats.norm.cdf(luck) > HITS[course.hits](sure)) | (draw.uniform(size=people) < course.lost)
    return sure, wrong.astype(float)


def broken_promises(
    course: Course, *, max_error: float, confidence: float, draws: int, bound: Bound = upper_bounds
) -> Kept:
    """Over `draws` such courses, with another `bound` than the method's own where one is given."""
    draw = np.random.default_rng(7)
    sure, _ = draw_course(draw, course._replace(students=20_000, alike=0.0))
    ranked = np.sort(sure.ravel())[::-1]
    agreeing = HITS[course.hits](ranked) * (1 - course.lost)
    risks = np.cumsum(1 - agreeing) / np.arange(1, ranked.size + 1)
    students = np.repeat(np.arange(course.students), course.each)
    broken = accepting = 0
    accepted = 0.0
    for _ in range(draws):
        sure, wrong = (each.ravel() for each in draw_course(draw, course))
        tests = fixed_sequence(
            sure,
            wrong,
            students,
            confidence=confidence,
            correlation=correlation_of(wrong, students),
            bound=bound,
        )
        if best := lowest_threshold(tests, max_error):
            accepting += 1
            accepted += best.accepted / sure.size
            broken += bool(risks[np.searchsorted(-ranked, -best.threshold, side="right") - 1] > max_error)
    return Kept(broken / draws, accepting / draws, accepted / draws)


def ignoring_students(errors: Floats, accepted: Floats, confidence: float, correlation: float) -> Floats:
    """What not to do: Clopper & Pearson's bound, as if every decision were a student's only one."""
    del correlation
    wrong, n = errors.sum(-1), accepted.sum(-1)
    return np.array(stats.beta.ppf(confidence, wrong + 1, n - wrong))


def no_bound(errors: Floats, accepted: Floats, confidence: float, correlation: float) -> Floats:
    """What not to do: the share that was seen."""
    del confidence, correlation
    return np.array(errors.sum(-1) / accepted.sum(-1))
