"""The lowest acceptance threshold whose error rate is bounded with a stated confidence.

Learn-then-test with fixed-sequence testing (Angelopoulos et al. 2021, Learn then Test, section 4): testing stops at the
first threshold that fails, so many tests need no correction. Each test is an upper bound on the disagreement among
accepted decisions. Decisions of one student are correlated, so the bound is the Clopper-Pearson bound with an effective
sample size of Korn & Graubard (1998, Survey Methodology 24, 193-201).

The last axis S is the students: `errors[..., s]` of the `accepted[..., s]` decisions of student s disagree with the TA.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from serving.measures.arrays import Floats, Ints

Bound = Callable[[Floats, Floats, float, float], Floats]
"""(errors, accepted, confidence, correlation) -> upper bounds, as `upper_bounds`."""

SHARES = np.arange(20, 101, 5) / 100
"""The shares of decisions, most confident first, that are tested. A share below a fifth would save too little work."""
MIN_CORRELATION = 0.1
"""Lower limit of the intra-class correlation, because few students give a noisy estimate of it."""
MAX_STUDENTS = 5000
"""`students_needed` gives up above this."""


class Step(NamedTuple):
    """Accepting confidences of at least `threshold` accepts `accepted` decisions, of which the share `disagreed` (0 to
    1) disagrees with the TA; `bound` is the upper confidence bound on that share for new students."""

    threshold: float
    accepted: int
    disagreed: float
    bound: float


def upper_bounds(errors: Floats, accepted: Floats, confidence: float, correlation: float) -> Floats:
    """Upper confidence bounds on the share of disagreements, shape (...); 1 with fewer than 2 students.

    The effective sample size is n / deff, with Korn & Graubard's factor for few clusters. deff is the larger of the
    observed design effect (undefined without a disagreement) and 1 + (m - 1) `correlation` with the size-weighted mean
    cluster size m (Kish 1965).
    """
    n, wrong = accepted.sum(-1), errors.sum(-1)
    students = (accepted > 0).sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = wrong / n
        residual = ((errors - p[..., None] * accepted) ** 2).sum(-1)
        observed = students / (students - 1) * residual / (n * p * (1 - p))
        assumed = 1 + ((accepted**2).sum(-1) / n - 1) * correlation
        deff = np.fmax(np.fmax(observed, assumed), 1)
        middle = (1 + confidence) / 2
        few_clusters = (stats.t.ppf(middle, n - 1) / stats.t.ppf(middle, students - 1)) ** 2
        size = np.fmin(n / deff * few_clusters, n)
        bounds = stats.beta.ppf(confidence, p * size + 1, (1 - p) * size)
    return np.array(np.where((students >= 2) & (wrong < n) & ~np.isnan(bounds), bounds, 1.0))


def fixed_sequence(
    confidences: Floats,
    wrong: Floats,
    students: Ints,
    *,
    confidence: float,
    correlation: float,
    bound: Bound = upper_bounds,
) -> list[Step]:
    """The tests in order, from the strictest threshold to the lowest. The sequence does not depend on `wrong`.

    `confidences`, `wrong` (0 or 1) and `students` (0, 1, ...) have shape (decisions,).
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
    """The last test that passes before the first that fails; None if the first fails."""
    passed = None
    for test in tests:
        if test.bound > max_error:
            break
        passed = test
    return passed


def intra_class_correlation(wrong: Floats, students: Ints) -> float:
    """Correlation of the errors within a student, at least MIN_CORRELATION: the analysis-of-variance estimator (Donner
    1986, International Statistical Review 54, eq. 2.2). Both arrays have shape (decisions,)."""
    n = per_student(np.ones(len(wrong)), students)
    errors = per_student(wrong, students)
    clusters, total = len(n), n.sum()
    if clusters < 2 or total <= clusters:
        return 1.0
    size = (total - (n**2).sum() / total) / (clusters - 1)
    between = (n * (errors / n - errors.sum() / total) ** 2).sum() / (clusters - 1)
    within = (errors * (1 - errors / n)).sum() / (total - clusters)
    variance = between + (size - 1) * within
    return float(np.clip((between - within) / variance if variance else 0.0, MIN_CORRELATION, 1.0))


def students_needed(test: Step, students: int, max_error: float, confidence: float, correlation: float) -> int | None:
    """The number of students at which `test` would pass with the same error rate; None above MAX_STUDENTS."""
    if test.disagreed >= max_error:
        return None
    for count in range(students, MAX_STUDENTS):
        each = np.full(count, test.accepted / students)
        if upper_bounds(each * test.disagreed, each, confidence, correlation) <= max_error:
            return count
    return None


def per_student(values: Floats, students: Ints) -> Floats:
    """`values` (..., decisions) summed by student, shape (..., S)."""
    member = students[:, None] == np.arange(students.max() + 1 if len(students) else 0)
    return np.array(values @ member.astype(float))
