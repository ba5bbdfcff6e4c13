"""Agreement coefficients and correlations of weighted data, many resamples at a time.

C = number of ratings of a criterion. A confusion matrix has shape (..., C, C + 1): rows are the TA's rating, columns
the grader's, the last column is ungraded. A coincidence matrix has shape (..., C, C).
"""

from collections.abc import Sequence

import numpy as np

from serving.measures.arrays import Floats


def macro_f1(confusion: Floats) -> Floats:
    """F1 averaged over the ratings that either side used, as scikit-learn does. Shape (...)."""
    ratings = confusion.shape[-2]
    hit = np.diagonal(confusion[..., :ratings], axis1=-2, axis2=-1)
    used = confusion.sum(-1) + confusion[..., :ratings].sum(-2)
    known = used > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = np.where(known, 2 * hit / np.where(known, used, 1), 0).sum(-1) / known.sum(-1)
    return mean


def quadratic_kappa(confusion: Floats) -> Floats:
    """Cohen's kappa with quadratic weights (Cohen 1968) of the graded decisions; NaN where all have one rating."""
    ratings = confusion.shape[-2]
    graded = confusion[..., :ratings]
    weights = np.subtract.outer(np.arange(ratings), np.arange(ratings)) ** 2.0
    total = graded.sum((-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        chance = graded.sum(-1)[..., :, None] * graded.sum(-2)[..., None, :] / total[..., None, None]
        expected = (weights * chance).sum((-2, -1))
        return np.where(expected > 0, 1 - (weights * graded).sum((-2, -1)) / expected, np.nan)


def ordinal_alpha(confusion: Floats) -> Floats:
    """Krippendorff's alpha of TA and grader on the graded decisions, with ordinal distances. Shape (...)."""
    ratings = confusion.shape[-2]
    graded = confusion[..., :ratings]
    coincidence = graded + np.swapaxes(graded, -2, -1)
    return krippendorff_alpha(coincidence, ordinal_distance(coincidence))


def coincidences(units: Sequence[Sequence[int]], ratings: int) -> Floats:
    """The coincidence matrix of each unit, shape (units, C, C), from the ratings it was given.

    Each ordered pair of a unit's m ratings counts 1 / (m - 1); a unit with fewer than two ratings counts nothing
    (Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011, step C2).
    """
    counts = np.array([np.bincount(np.array(unit, int), minlength=ratings) for unit in units], float)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(ratings)
    given = counts.sum(1)[:, None, None]
    return np.where(given > 1, pairs / np.maximum(given - 1, 1), 0.0)


def ordinal_distance(coincidence: Floats) -> Floats:
    """The squared ordinal distance of each pair of ratings, shape (..., C, C): the difference of their mid-ranks."""
    values = coincidence.sum(-1)
    mid = values.cumsum(-1) - values / 2
    squared: Floats = (mid[..., :, None] - mid[..., None, :]) ** 2
    return squared


def krippendorff_alpha(coincidence: Floats, distance: Floats) -> Floats:
    """1 - observed / expected disagreement (Krippendorff 2011). Shape (...).

    `coincidence`: summed over units, (..., C, C). `distance`: squared distances of the ratings, (..., C, C) or (C, C).
    NaN where all ratings are equal or no unit has two ratings.
    """
    values = coincidence.sum(-1)
    total = values.sum(-1)
    observed = (coincidence * distance).sum((-2, -1))
    expected = (values[..., :, None] * values[..., None, :] * distance).sum((-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 0, 1 - (total - 1) * observed / expected, np.nan)


def kendall_tau_b(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Kendall's tau-b (Kendall 1945) of the pairs `x`, `y` (n,) under each row of `weights` (B, n), shape (B,).

    A weight is how often a pair counts; copies of one pair tie. NaN where `x` or `y` is constant.
    """
    order_x, order_y = np.sign(np.subtract.outer(x, x)), np.sign(np.subtract.outer(y, y))
    concordant, untied_x, untied_y = (
        ((weights @ pairs) * weights).sum(1) for pairs in (order_x * order_y, abs(order_x), abs(order_y))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        tau: Floats = concordant / np.sqrt(untied_x * untied_y)
    return tau


def pearson(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Pearson's correlation of `x` and `y` (n,), weighted as in `kendall_tau_b`; NaN where one is constant."""
    with np.errstate(invalid="ignore", divide="ignore"):
        total = weights.sum(1)
        a, b = (values - (weights @ values / total)[:, None] for values in (x, y))
        covariance, of_x, of_y = ((weights * first * second).sum(1) for first, second in ((a, b), (a, a), (b, b)))
        varied = (of_x > 1e-12 * total) & (of_y > 1e-12 * total)
        return np.where(varied, covariance / np.sqrt(of_x * of_y), np.nan)
