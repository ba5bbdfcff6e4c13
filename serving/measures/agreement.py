"""How far a grader and the TAs agree, with intervals. Pure functions of decisions; knows no model and no file.

Every figure is computed from weighted confusion matrices, so that one matrix product gives all bootstrap resamples.
The resampled unit is the student (with all of their criteria and labs): decisions of one student hang together
(Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 8 and 13; percentile intervals).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labs_schema.frozen import Frozen
from serving.measures.decisions import Decision

Floats = NDArray[np.float64]

METRICS = {
    "agreement": "exact agreement",
    "macro_f1": "macro-F1",
    "kappa": "quadratic kappa",
    "marks_mae": "mean absolute error of marks",
    "ungraded": "share left ungraded",
}


class Estimate(Frozen):
    """A figure with its 95 % bootstrap interval over students; None where it is not defined on this data."""

    value: float | None
    low: float | None
    high: float | None


class Agreement(Frozen):
    """The figures of METRICS over `decisions` decisions of `students` students."""

    decisions: int
    students: int
    figures: dict[str, Estimate]


def agreement(decisions: Sequence[Decision], *, resamples: int = 2000, seed: int = 0) -> Agreement:
    """The agreement of one grader with the TAs. `decisions` must not be empty."""
    weights = student_weights(decisions, resamples, seed)
    figures = _figures(decisions, weights)
    return Agreement(
        decisions=len(decisions),
        students=len({d.student for d in decisions}),
        figures={name: _estimate(values) for name, values in figures.items()},
    )


def difference(
    ours: Sequence[Decision], theirs: Sequence[Decision], *, resamples: int = 2000, seed: int = 0
) -> dict[str, Estimate]:
    """Figures of `ours` less those of `theirs`, resampled in pairs: both lists hold the same decisions in order.

    Raises ValueError where they do not.
    """
    if [_key(d) for d in ours] != [_key(d) for d in theirs]:
        raise ValueError("the two graders did not answer the same decisions")
    weights = student_weights(ours, resamples, seed)
    first, second = _figures(ours, weights), _figures(theirs, weights)
    return {name: _estimate(first[name] - second[name]) for name in first}


def student_weights(decisions: Sequence[Decision], resamples: int, seed: int) -> Floats:
    """How often each decision counts: shape (1 + resamples, decisions); row 0 is the data as it is, all ones."""
    _, cluster = np.unique([d.student for d in decisions], return_inverse=True)
    students = int(cluster.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(students, np.full(students, 1 / students), size=resamples)
    return np.vstack([np.ones(students), drawn])[:, cluster].astype(np.float64)


def macro_f1(confusion: Floats) -> Floats:
    """Mean over ratings of F1, from `confusion` of shape (..., R, R + 1): rows TA, columns grader, the last: ungraded.

    Ratings that neither side used are left out of the mean, as scikit-learn does.
    """
    ratings = confusion.shape[-2]
    hit = np.diagonal(confusion[..., :ratings], axis1=-2, axis2=-1)
    used = confusion.sum(-1) + confusion[..., :ratings].sum(-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = np.nanmean(np.where(used > 0, 2 * hit / used, np.nan), axis=-1)
    return mean


def quadratic_kappa(confusion: Floats) -> Floats:
    """Cohen's kappa with quadratic weights (Cohen 1968) over the graded decisions; NaN where either side is constant.

    `confusion` as in `macro_f1`; returns its leading shape.
    """
    ratings = confusion.shape[-2]
    graded = confusion[..., :ratings]
    apart = np.subtract.outer(np.arange(ratings), np.arange(ratings)) ** 2.0
    total = graded.sum((-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        chance = graded.sum(-1)[..., :, None] * graded.sum(-2)[..., None, :] / total[..., None, None]
        expected = (apart * chance).sum((-2, -1))
        return np.where(expected > 0, 1 - (apart * graded).sum((-2, -1)) / expected, np.nan)


def confusions(decisions: Sequence[Decision], weights: Floats) -> dict[tuple[str, str], Floats]:
    """(lab, criterion) -> confusion matrices of shape (resamples, R, R + 1), weighted by `weights`' rows."""
    rows: dict[tuple[str, str], list[int]] = {}
    for i, decision in enumerate(decisions):
        rows.setdefault((decision.lab, decision.criterion), []).append(i)
    tables = {}
    for key, members in rows.items():
        size = decisions[members[0]].ratings
        cells = np.zeros((len(members), size, size + 1))
        for at, i in enumerate(members):
            given = decisions[i].grader
            cells[at, decisions[i].human, size if given is None else given] = 1
        tables[key] = np.einsum("bi,irc->brc", weights[:, members], cells)
    return tables


def _figures(decisions: Sequence[Decision], weights: Floats) -> dict[str, Floats]:
    """Each metric for every row of `weights`. macro-F1 and kappa are means over (lab, criterion)."""
    tables = list(confusions(decisions, weights).values())
    return {
        "agreement": _mean(weights, np.array([d.human == d.grader for d in decisions], float)),
        "macro_f1": _nan_mean([macro_f1(table) for table in tables]),
        "kappa": _nan_mean([quadratic_kappa(table) for table in tables]),
        "marks_mae": _mean(weights, np.array([_marks_apart(d) for d in decisions])),
        "ungraded": _mean(weights, np.array([d.grader is None for d in decisions], float)),
    }


def _marks_apart(decision: Decision) -> float:
    if decision.human_marks is None or decision.grader_marks is None:
        return float("nan")
    return abs(decision.human_marks - decision.grader_marks)


def _mean(weights: Floats, values: Floats) -> Floats:
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = weights[:, known] @ values[known] / weights[:, known].sum(1)
    return mean


def _nan_mean(values: list[Floats]) -> Floats:
    """The mean of what is defined; NaN where nothing is."""
    stacked = np.array(values)
    known = ~np.isnan(stacked)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = np.where(known, stacked, 0).sum(0) / known.sum(0)
    return mean


def _estimate(values: Floats) -> Estimate:
    if np.isnan(values[0]):
        return Estimate(value=None, low=None, high=None)
    low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return Estimate(value=float(values[0]), low=float(low), high=float(high))


def _key(decision: Decision) -> tuple[str, str, str, int]:
    return decision.lab, decision.student, decision.criterion, decision.human
