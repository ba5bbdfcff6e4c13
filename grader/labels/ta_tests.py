"""Whether a TA rates unlike the others: permutation tests, corrected for asking about many TAs. Pure; knows no labs.

If TAs rate alike, who graded which work of a lab says nothing about the ratings, so the TAs' names may be dealt anew
among the works of each lab (Good, Permutation, Parametric and Bootstrap Tests of Hypotheses, 2005). Where a TA was
given other work than the rest, such as a stronger group, that is told as a difference too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_DEALS = 5000
BLOCK = 50


class Work(NamedTuple):
    """What one TA gave one student's work in a lab, over its criteria. `lab`, `ta`: numbers from 0.

    `likely`: the sum over criteria of the model's share of the rating given, less that criterion's mean; `marks`: of
    the marks given less those expected, less that criterion's mean. `cells`: which (criterion, rating) were given, as
    numbers from 0.
    """

    lab: int
    ta: int
    criteria: int
    likely: float
    marks: float
    cells: tuple[int, ...]


class TaTests(NamedTuple):
    """p-values of a TA, (tas,) each: ratings less likely than others' (one-sided), the same ratings over and over
    (one-sided), marks apart from others' (two-sided). `shift`: marks a criterion above what is expected. `strength`:
    how many standard deviations the TA is off where names are dealt anew, by the test in which that is most."""

    unlikely: Floats
    monotone: Floats
    apart: Floats
    shift: Floats
    strength: Floats


def ta_tests(works: Sequence[Work], tas: int, criterion_of_cell: Sequence[int], seed: int = 0) -> TaTests:
    """`criterion_of_cell`: a number for the criterion of each cell. A p-value is at least 1 / (deals + 1)."""
    deals = max(LEAST_DEALS, 800 * tas)
    labs, names = (np.array([getattr(w, field) for w in works]) for field in ("lab", "ta"))
    sums = np.array([[w.criteria, w.likely, w.marks] for w in works], float)
    cells = np.zeros((len(works), len(criterion_of_cell)))
    for row, work in enumerate(works):
        cells[row, list(work.cells)] = 1
    columns = np.hstack([sums, cells])
    groups = [np.flatnonzero(np.array(criterion_of_cell) == c) for c in range(max(criterion_of_cell) + 1)]
    found = _statistics(names[None, :], columns, tas, groups)[0]
    above, total, squares = np.ones((3, tas)), np.zeros((3, tas)), np.zeros((3, tas))
    chance = np.random.default_rng(seed)
    for start in range(0, deals, BLOCK):
        dealt = np.tile(names, (min(BLOCK, deals - start), 1))
        for lab in np.unique(labs):
            dealt[:, labs == lab] = chance.permuted(dealt[:, labs == lab], axis=1)
        drawn = _statistics(dealt, columns, tas, groups)[:, :3]
        above += (drawn >= found[:3] - 1e-12).sum(0)
        total += drawn.sum(0)
        squares += (drawn**2).sum(0)
    unlikely, monotone, apart = above / (deals + 1)
    spread = np.sqrt(np.maximum(squares / deals - (total / deals) ** 2, 1e-12))
    return TaTests(unlikely, monotone, apart, found[3], ((found[:3] - total / deals) / spread).max(0))


def _statistics(names: Ints, columns: Floats, tas: int, groups: Sequence[Ints]) -> Floats:
    """(B, 4, tas) for B deals `names` (B, works): how unlikely, how monotone, how far apart, and the shift of marks."""
    of_ta = (names[:, None, :] == np.arange(tas)[:, None]).astype(float)
    totals = of_ta @ columns
    count = np.maximum(totals[..., 0], 1)
    commonest = np.sum([totals[..., 3 + group].max(-1) for group in groups], axis=0)
    shift = totals[..., 2] / count
    return np.stack([-totals[..., 1] / count, commonest / count, np.abs(shift), shift], axis=1)


def holm(p_values: Floats) -> Floats:
    """Corrected for their number, same shape: Holm, A Simple Sequentially Rejective Multiple Test Procedure (1979)."""
    flat = p_values.ravel()
    order = np.argsort(flat)
    stepped = np.maximum.accumulate(flat[order] * np.arange(len(flat), 0, -1))
    corrected = np.empty_like(flat)
    corrected[order] = np.minimum(stepped, 1)
    return corrected.reshape(p_values.shape)
