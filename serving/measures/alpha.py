"""Krippendorff's alpha: agreement beyond chance of any number of raters, with ratings missing. Pure numbers.

Krippendorff, Computing Krippendorff's Alpha-Reliability (2011). C = number of ratings a criterion has; a unit is one
criterion of one submission.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def coincidences(units: Sequence[Sequence[int]], ratings: int) -> Floats:
    """Each unit's coincidence matrix, shape (units, C, C): every ordered pair of its ratings counts 1 / (m - 1), where
    m is how many it has; a unit with fewer than two counts nothing (2011, step C2)."""
    counts = np.array([np.bincount(np.array(unit, int), minlength=ratings) for unit in units], float)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(ratings)
    given = counts.sum(1)[:, None, None]
    return np.where(given > 1, pairs / np.maximum(given - 1, 1), 0.0)


def ordinal_distance(coincidence: Floats) -> Floats:
    """The squared ordinal difference of two ratings: how many values lie between them, half of each end counted.

    That is the difference of their mid-ranks. `coincidence` (..., C, C) gives the shape of the answer.
    """
    values = coincidence.sum(-1)
    mid = values.cumsum(-1) - values / 2
    squared: Floats = (mid[..., :, None] - mid[..., None, :]) ** 2
    return squared


def krippendorff_alpha(coincidence: Floats, distance: Floats) -> Floats:
    """1 - observed / expected disagreement, from the summed coincidences of shape (..., C, C) and the squared distances
    of the ratings, (..., C, C) or (C, C). NaN where all ratings are the same, or none can be paired."""
    values = coincidence.sum(-1)
    total = values.sum(-1)
    observed = (coincidence * distance).sum((-2, -1))
    expected = (values[..., :, None] * values[..., None, :] * distance).sum((-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 0, 1 - (total - 1) * observed / expected, np.nan)
