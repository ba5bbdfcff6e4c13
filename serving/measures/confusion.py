"""Figures of confusion matrices, many at a time. Pure; knows no model.

R = ratings of a criterion. A confusion matrix is (..., R, R + 1): rows the TA's rating, columns the grader's, the last
column ungraded.
"""

from collections.abc import Sequence

import numpy as np

from serving.measures.alpha import krippendorff_alpha, ordinal_distance
from serving.measures.decisions import Decision
from serving.measures.resampling import Floats


def confusions(decisions: Sequence[Decision], weights: Floats) -> dict[tuple[str, str], Floats]:
    """(lab, criterion) -> confusion matrices of shape (B, R, R + 1), weighted by the rows of `weights` (B, n)."""
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
        tables[key] = (weights[:, members] @ cells.reshape(len(members), -1)).reshape(-1, size, size + 1)
    return tables


def macro_f1(confusion: Floats) -> Floats:
    """Mean over ratings of F1. Ratings that neither side used are left out of the mean, as scikit-learn does."""
    ratings = confusion.shape[-2]
    hit = np.diagonal(confusion[..., :ratings], axis1=-2, axis2=-1)
    used = confusion.sum(-1) + confusion[..., :ratings].sum(-2)
    known = used > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = np.where(known, 2 * hit / np.where(known, used, 1), 0).sum(-1) / known.sum(-1)
    return mean


def quadratic_kappa(confusion: Floats) -> Floats:
    """Cohen's kappa with quadratic weights (Cohen 1968) over the graded decisions. NaN where all are one rating."""
    ratings = confusion.shape[-2]
    graded = confusion[..., :ratings]
    apart = np.subtract.outer(np.arange(ratings), np.arange(ratings)) ** 2.0
    total = graded.sum((-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        chance = graded.sum(-1)[..., :, None] * graded.sum(-2)[..., None, :] / total[..., None, None]
        expected = (apart * chance).sum((-2, -1))
        return np.where(expected > 0, 1 - (apart * graded).sum((-2, -1)) / expected, np.nan)


def ordinal_alpha(confusion: Floats) -> Floats:
    """Krippendorff's alpha of TA and grader over the graded decisions, ratings ordered as in the rubric."""
    ratings = confusion.shape[-2]
    graded = confusion[..., :ratings]
    coincidence = graded + np.swapaxes(graded, -2, -1)
    return krippendorff_alpha(coincidence, ordinal_distance(coincidence))
