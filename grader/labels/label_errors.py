"""Statistics that find label errors: confident learning, and the posterior of a rating given other TAs' ratings.

n = labels, R = ratings. `probabilities` (n, R) come from a model that has not seen the labels `given` (n,), which are
rating indices.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from serving.measures.arrays import Floats, Ints

UNSURE = -1

MIN_ACCURACY, MAX_ACCURACY = 0.5, 0.95
"""Limits of the estimated accuracy of a TA: an estimate from few pairs must not outweigh the model completely."""


def thresholds(probabilities: Floats, given: Ints) -> Floats:
    """(R,): mean probability of each rating where it was given, inf for a rating that was never given: t_j of
    Northcutt, Jiang and Chuang, Confident Learning (JAIR 70, 2021), section 3.1."""
    found = np.full(probabilities.shape[1], np.inf)
    for rating in np.unique(given):
        found[rating] = probabilities[given == rating, rating].mean()
    return found


def confident_ratings(probabilities: Floats, given: Ints) -> Ints:
    """(n,): the most probable of the ratings that reach their threshold (Northcutt et al., eq. 1); UNSURE if none."""
    reached = np.where(probabilities >= thresholds(probabilities, given), probabilities, -np.inf)
    return np.where(np.isinf(reached).all(1), UNSURE, reached.argmax(1))


def margins(probabilities: Floats, given: Ints) -> Floats:
    """(n,): probability of the label given minus the highest other one, -1 to 1; the lowest are the most suspicious."""
    rows = np.arange(len(given))
    others = probabilities.copy()
    others[rows, given] = -np.inf
    margin: Floats = probabilities[rows, given] - others.max(1)
    return margin


def ta_accuracy(pairs: Iterable[tuple[int, int]]) -> float:
    """Probability that a TA gives the true rating, from `pairs` of ratings of the same criterion by two TAs.

    If both are right independently with probability q, they agree in about q² of the pairs. One agreement and one
    disagreement are added as pseudo-counts.
    """
    agree = [first == second for first, second in pairs]
    return float(np.clip(np.sqrt((sum(agree) + 1) / (len(agree) + 2)), MIN_ACCURACY, MAX_ACCURACY))


def posterior(probabilities: Floats, votes: Sequence[int], accuracy: float) -> Floats:
    """(R,): the model's `probabilities` (R,) updated by the ratings `votes` of TAs with the given accuracy.

    A TA gives the true rating with probability `accuracy` and each other rating equally often (Dawid and Skene, Maximum
    Likelihood Estimation of Observer Error-Rates, 1979, with one error rate for all TAs).
    """
    found = probabilities.copy()
    for vote in votes:
        likelihood = np.full(len(probabilities), (1 - accuracy) / max(len(probabilities) - 1, 1))
        likelihood[vote] = accuracy
        found = found * likelihood
    total = float(found.sum())
    return found / total if total else probabilities
