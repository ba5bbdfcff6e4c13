"""The lowest threshold at which accepted decisions disagree with the TA seldom enough, with a stated confidence.

Learn-then-test with fixed-sequence testing (Angelopoulos et al. 2021, Learn then Test, section 4; many tests need no
correction, because testing stops at the first that fails). A test is an upper bound on the disagreement among accepted
decisions. Decisions of one student hang together, so the bound is the effective-sample-size Clopper-Pearson bound of
Korn & Graubard (1998, Survey Methodology 24, 193-201). Pure; knows no model and no lab.

Arrays end in S, the students: `errors[..., s]` of the `accepted[..., s]` decisions of student s were disagreements.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Bound = Callable[[Floats, Floats, float, float], Floats]

SHARES = np.arange(20, 101, 5) / 100
"""Of the decisions, the surest, tested from the fewest to all. Fewer than a fifth prove nothing worth having."""
LEAST_CORRELATION = 0.1
"""Of two decisions of a student, whatever the data say: few students show too little of it."""
MOST_STUDENTS = 5000


class Step(NamedTuple):
    """Accepting confidences of at least `threshold` accepts `accepted` decisions, of which `disagreed` (0 to 1) were
    not what the TA gave; `bound` is the upper bound on that share of students to come."""

    threshold: float
    accepted: int
    disagreed: float
    bound: float


def upper_bounds(errors: Floats, accepted: Floats, confidence: float, correlation: float) -> Floats:
    """Upper confidence bounds on the share of disagreements, shape (...): 1 where fewer than 2 students count.

    The effective sample size is n / deff, with Korn & Graubard's factor for few clusters. deff is the one seen (which
    is none without a disagreement), or that of `correlation` among a student's decisions (Kish 1965, 1 + (m - 1) rho
    with m weighted by size), whichever is larger.
    """
    n, wrong = accepted.sum(-1), errors.sum(-1)
    students = (accepted > 0).sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = wrong / n
        residual = ((errors - p[..., None] * accepted) ** 2).sum(-1)
        seen = students / (students - 1) * residual / (n * p * (1 - p))
        assumed = 1 + ((accepted**2).sum(-1) / n - 1) * correlation
        deff = np.fmax(np.fmax(seen, assumed), 1)
        middle = (1 + confidence) / 2
        few = (stats.t.ppf(middle, n - 1) / stats.t.ppf(middle, students - 1)) ** 2
        size = np.fmin(n / deff * few, n)
        bounds = stats.beta.ppf(confidence, p * size + 1, (1 - p) * size)
    return np.array(np.where((students >= 2) & (wrong < n) & ~np.isnan(bounds), bounds, 1.0))


def fixed_sequence(
    confidences: Floats,
    wrong: Floats,
    students: NDArray[np.int_],
    *,
    confidence: float,
    correlation: float,
    bound: Bound = upper_bounds,
) -> list[Step]:
    """The tests in their order, from the strictest threshold downwards; which ones they are, no `wrong` decides.

    `confidences`, `wrong` (0 or 1) and `students` (0, 1, ...): one a decision. `bound`: what a test is.
    """
    ranked = np.sort(confidences)[::-1]
    thresholds = ranked[np.maximum(np.ceil(SHARES * len(ranked)).astype(int) - 1, 0)] if len(ranked) else ranked
    taken = (confidences >= thresholds[:, None]).astype(float)
    accepted = per_student(taken, students)
    errors = per_student(taken * wrong, students)
    bounds = bound(errors, accepted, confidence, correlation)
    sizes = accepted.sum(-1)
    return [
        Step(float(t), int(n), float(e / n), float(b))
        for t, n, e, b in zip(thresholds, sizes, errors.sum(-1), bounds, strict=True)
    ]


def lowest_threshold(tests: list[Step], max_error: float) -> Step | None:
    """The last test that passes before the first that fails; None where the first fails."""
    passed = None
    for test in tests:
        if test.bound > max_error:
            break
        passed = test
    return passed


def correlation_of(wrong: Floats, students: NDArray[np.int_]) -> float:
    """How much a student's decisions hang together, at least LEAST_CORRELATION: the analysis-of-variance estimator of
    the intra-class correlation (Donner 1986, International Statistical Review 54, eq. 2.2)."""
    n = per_student(np.ones(len(wrong)), students)
    errors = per_student(wrong, students)
    clusters, total = len(n), n.sum()
    if clusters < 2 or total <= clusters:
        return 1.0
    size = (total - (n**2).sum() / total) / (clusters - 1)
    between = (n * (errors / n - errors.sum() / total) ** 2).sum() / (clusters - 1)
    within = (errors * (1 - errors / n)).sum() / (total - clusters)
    variance = between + (size - 1) * within
    return float(np.clip((between - within) / variance if variance else 0.0, LEAST_CORRELATION, 1.0))


def students_needed(test: Step, students: int, max_error: float, confidence: float, correlation: float) -> int | None:
    """How many students would let `test` pass if all else stayed as it is; None where no number would."""
    if test.disagreed >= max_error:
        return None
    for count in range(students, MOST_STUDENTS):
        each = np.full(count, test.accepted / students)
        if upper_bounds(each * test.disagreed, each, confidence, correlation) <= max_error:
            return count
    return None


def per_student(values: Floats, students: NDArray[np.int_]) -> Floats:
    """`values` of shape (..., decisions) summed by student: (..., S)."""
    member = students[:, None] == np.arange(students.max() + 1 if len(students) else 0)
    return np.array(values @ member.astype(float))
