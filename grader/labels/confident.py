"""Which labels are likely wrong, told from probabilities by a model that has not seen them. Pure; knows no labs.

Confident learning: Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, Journal
of Artificial Intelligence Research 70 (2021), section 3.1. Written from the paper.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNSURE = -1


def thresholds(shares: Floats, given: Ints) -> Floats:
    """(R,): how sure the model is of a rating, on average, where it was given (the paper's t_j); inf where never."""
    found = np.full(shares.shape[1], np.inf)
    for rating in np.unique(given):
        found[rating] = shares[given == rating, rating].mean()
    return found


def confident_ratings(shares: Floats, given: Ints) -> Ints:
    """(n,): of the ratings whose share reaches their threshold the most probable one (eq. 1); UNSURE without any.

    `shares` (n, R) are probabilities by a model that has not seen the labels `given` (n,).
    """
    reached = np.where(shares >= thresholds(shares, given), shares, -np.inf)
    return np.where(np.isinf(reached).all(1), UNSURE, reached.argmax(1))


def margins(shares: Floats, given: Ints) -> Floats:
    """(n,): the share of the label given less the highest other, -1 to 1; the lowest are to be looked at first."""
    rows = np.arange(len(given))
    others = shares.copy()
    others[rows, given] = -np.inf
    margin: Floats = shares[rows, given] - others.max(1)
    return margin
