"""Do a grader and the TAs order the submissions of a lab alike? Correlations of total marks. Pure; knows no model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.measures.decisions import Decision
from serving.measures.resampling import Floats


@dataclass(frozen=True)
class Totals:
    """A lab's submissions: their total marks from the TA and from the grader (n,), and `rows`, the index of one of each
    one's decisions, whose weight in a resample is the submission's."""

    human: Floats
    grader: Floats
    rows: list[int]


def totals(decisions: Sequence[Decision]) -> dict[str, Totals]:
    """lab -> its submissions of which every criterion has marks from both; the others have no total to compare."""
    work: dict[str, dict[str, list[int]]] = {}
    for i, decision in enumerate(decisions):
        work.setdefault(decision.lab, {}).setdefault(decision.student, []).append(i)
    return {lab: _totals(decisions, list(students.values())) for lab, students in work.items()}


def _totals(decisions: Sequence[Decision], students: list[list[int]]) -> Totals:
    criteria = len({decisions[i].criterion for rows in students for i in rows})
    human, grader, first = [], [], []
    for rows in students:
        ta = [m for i in rows if (m := decisions[i].human_marks) is not None]
        given = [m for i in rows if (m := decisions[i].grader_marks) is not None]
        if len(ta) == len(given) == criteria:
            human.append(sum(ta))
            grader.append(sum(given))
            first.append(rows[0])
    return Totals(np.array(human, float), np.array(grader, float), first)


def kendall_tau_b(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Kendall's tau-b (Kendall 1945) of the pairs `x`, `y` (n,), each counted as often as each row of `weights` (B, n)
    says: shape (B,). NaN where one side is constant. What is counted twice ties with itself."""
    over, under = np.sign(np.subtract.outer(x, x)), np.sign(np.subtract.outer(y, y))
    both, in_x, in_y = (((weights @ pairs) * weights).sum(1) for pairs in (over * under, abs(over), abs(under)))
    with np.errstate(invalid="ignore", divide="ignore"):
        tau: Floats = both / np.sqrt(in_x * in_y)
    return tau


def pearson(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Pearson's correlation of `x` and `y`, weighted as in `kendall_tau_b`; NaN where one side is constant."""
    with np.errstate(invalid="ignore", divide="ignore"):
        total = weights.sum(1)
        apart = [values - (weights @ values / total)[:, None] for values in (x, y)]
        shared, of_x, of_y = ((weights * a * b).sum(1) for a, b in (apart, (apart[0], apart[0]), (apart[1], apart[1])))
        varied = (of_x > 1e-12 * total) & (of_y > 1e-12 * total)
        return np.where(varied, shared / np.sqrt(of_x * of_y), np.nan)
