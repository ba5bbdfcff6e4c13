"""Which program to rate next: the program whose rating would inform most about the doubtful ones that are left."""

import numpy as np

from training.head.basis import Floats, Ints

NOISE = 0.5
"""The variance of a rating around what the features predict, where the mean program has variance 1."""


def propose(points: Floats, doubt: Floats, rated: Ints, count: int = 1) -> list[int]:
    """The next `count` rows of `points` (n, r), in order. `doubt` (n,): the importance of each program, such as the
    entropy of its predicted ratings. `rated`: rows with a rating.

    Greedy A-optimal design for Gaussian process regression: each choice reduces the sum over all programs of posterior
    variance times doubt the most (Krause et al. 2008, Near-Optimal Sensor Placements in Gaussian Processes, section 2,
    with variance instead of entropy). Programs that resemble many others, and unlike those already rated, come first.
    """
    covariance = points @ points.T
    covariance /= max(float(np.diag(covariance).mean()), 1e-12)
    for row in rated.tolist():
        covariance = _given(covariance, row)
    chosen: list[int] = []
    left = np.ones(len(points), bool)
    left[rated] = False
    while left.any() and len(chosen) < count:
        gain = doubt @ covariance**2 / (np.diag(covariance) + NOISE)
        row = int(np.argmax(np.where(left, gain, -np.inf)))
        chosen.append(row)
        left[row] = False
        covariance = _given(covariance, row)
    return chosen


def resembling(points: Floats, row: int, rated: Ints, left: Ints) -> int:
    """The number of rows of `points` (n, r) in `left`, except `row`, that are more like `row` than like any of `rated`.

    Likeness is the cosine of two rows.
    """
    lengths = np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    directions = points / lengths
    others = directions[left[left != row]]
    to_row = others @ directions[row]
    to_rated = (others @ directions[rated].T).max(axis=1, initial=-1.0)
    return int((to_row > to_rated).sum())


def _given(covariance: Floats, row: int) -> Floats:
    """The covariance (n, n) of all programs once the one at `row` is rated."""
    column = covariance[:, row]
    found: Floats = covariance - np.outer(column, column) / (column[row] + NOISE)
    return found
