"""Permutation tests of whether a TA rates differently from the others, corrected for multiple testing.

Null hypothesis: TA labels are exchangeable within a lab (Good, Permutation, Parametric and Bootstrap Tests of
Hypotheses, 2005). A TA who was assigned different students, such as a stronger group, also counts as different.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from serving.measures.arrays import Floats, Ints

MIN_PERMUTATIONS = 5000
BLOCK = 50
"""Permutations computed at once, to bound memory."""


class RatedSubmission(NamedTuple):
    """One TA's ratings of one submission, over its criteria. `lab` and `ta`: numbers from 0.

    `likely`: sum over criteria of the expected probability of the rating given, minus the criterion's mean. `marks`:
    sum over criteria of the marks given minus the expected marks, minus the criterion's mean. `cells`: numbers from 0
    of the (criterion, rating) pairs given.
    """

    lab: int
    ta: int
    criteria: int
    likely: float
    marks: float
    cells: tuple[int, ...]


class TaTests(NamedTuple):
    """Arrays of shape (tas,). p-values: `unlikely`, ratings less likely than the others' (one-sided); `monotone`, the
    same rating more often than the others (one-sided); `marks`, marks different from the others' (two-sided). `shift`:
    mean marks above expectation for each criterion. `strength`: standard deviations from the permutation mean, for the
    test where that is largest."""

    unlikely: Floats
    monotone: Floats
    marks: Floats
    shift: Floats
    strength: Floats


def ta_tests(submissions: Sequence[RatedSubmission], tas: int, criterion_of_cell: Sequence[int]) -> TaTests:
    """`criterion_of_cell`: number of the criterion of each cell. A p-value is at least 1 / (permutations + 1)."""
    permutations = max(MIN_PERMUTATIONS, 800 * tas)
    labs, names = (np.array([getattr(s, field) for s in submissions]) for field in ("lab", "ta"))
    sums = np.array([[s.criteria, s.likely, s.marks] for s in submissions], float)
    cells = np.zeros((len(submissions), len(criterion_of_cell)))
    for row, submission in enumerate(submissions):
        cells[row, list(submission.cells)] = 1
    columns = np.hstack([sums, cells])
    groups = [np.flatnonzero(np.array(criterion_of_cell) == c) for c in range(max(criterion_of_cell) + 1)]
    observed = _statistics(names[None, :], columns, tas, groups)[0]
    above, total, squares = np.ones((3, tas)), np.zeros((3, tas)), np.zeros((3, tas))
    rng = np.random.default_rng(0)
    for start in range(0, permutations, BLOCK):
        permuted = np.tile(names, (min(BLOCK, permutations - start), 1))
        for lab in np.unique(labs):
            permuted[:, labs == lab] = rng.permuted(permuted[:, labs == lab], axis=1)
        drawn = _statistics(permuted, columns, tas, groups)[:, :3]
        above += (drawn >= observed[:3] - 1e-12).sum(0)
        total += drawn.sum(0)
        squares += (drawn**2).sum(0)
    unlikely, monotone, marks = above / (permutations + 1)
    deviation = np.sqrt(np.maximum(squares / permutations - (total / permutations) ** 2, 1e-12))
    strength = ((observed[:3] - total / permutations) / deviation).max(0)
    return TaTests(unlikely, monotone, marks, observed[3], strength)


def _statistics(names: Ints, columns: Floats, tas: int, groups: Sequence[Ints]) -> Floats:
    """(B, 4, tas) for B permutations `names` (B, submissions): unlikely, monotone, absolute and signed mark shift."""
    of_ta = (names[:, None, :] == np.arange(tas)[:, None]).astype(float)
    totals = of_ta @ columns
    count = np.maximum(totals[..., 0], 1)
    most_frequent = np.sum([totals[..., 3 + group].max(-1) for group in groups], axis=0)
    shift = totals[..., 2] / count
    return np.stack([-totals[..., 1] / count, most_frequent / count, np.abs(shift), shift], axis=1)


def holm(p_values: Floats) -> Floats:
    """Corrected p-values, same shape (Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979)."""
    flat = p_values.ravel()
    order = np.argsort(flat)
    stepped = np.maximum.accumulate(flat[order] * np.arange(len(flat), 0, -1))
    corrected = np.empty_like(flat)
    corrected[order] = np.minimum(stepped, 1)
    return corrected.reshape(p_values.shape)
