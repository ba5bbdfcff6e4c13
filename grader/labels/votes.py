"""What is to be believed of a rating where a model and other TAs have spoken. Pure; knows no labs.

Each TA is taken to give the true rating with one probability, and any other rating alike (Dawid and Skene, Maximum
Likelihood Estimation of Observer Error-Rates, 1979, with one rate for all).
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

LEAST, MOST = 0.5, 0.95
"""How far a TA is believed, at the least and at the most."""


def reliability(pairs: Iterable[tuple[int, int]]) -> float:
    """How often a TA gives the true rating, from `pairs` of ratings by two TAs of the same work: were both right with
    probability q alone, they would agree in q squared of the cases. One agreement and one disagreement are added."""
    agree = [first == second for first, second in pairs]
    return float(np.clip(np.sqrt((sum(agree) + 1) / (len(agree) + 2)), LEAST, MOST))


def believed(shares: NDArray[np.float64], votes: Sequence[int], reliable: float) -> NDArray[np.float64]:
    """(R,): the model's `shares` (R,) after the `votes` (rating indices) of TAs who are right with prob. `reliable`."""
    found = shares.copy()
    for vote in votes:
        likelihood = np.full(len(shares), (1 - reliable) / max(len(shares) - 1, 1))
        likelihood[vote] = reliable
        found = found * likelihood
    total = float(found.sum())
    return found / total if total else shares
