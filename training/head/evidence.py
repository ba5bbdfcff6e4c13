"""The regression on evidence: what observed outcomes add to the log-odds that the other features give."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from training.head.basis import Bools, Floats
from training.head.regression import Examples, held_out_logits, new_lab_groups, softmax, temperature

STRENGTHS = (6.0, 0.3)
"""Inverses of the L2 penalty of the weights, and of the distance of `share` from 1. That which predicts
held-out students best is used; none, if the answers without evidence are better still, as for criteria about style."""


class EvidenceFit(NamedTuple):
    """Log-probabilities of an observed program are `share * base + evidence @ weights`, up to a constant.

    `weights` (e, ratings). `sharpness` multiplies them in a lab without ratings. `held_out` (n, ratings): the
    log-probabilities of the examples by regressions that did not see their student.
    """

    share: float
    weights: Floats
    sharpness: float
    held_out: Floats


def fit_evidence(base: Floats, base_in_new_labs: Floats, evidence: Floats, examples: Examples) -> EvidenceFit:
    """`base` (n, ratings): held-out log-odds of the other features, so that they weigh as much as they are worth on
    programs that were not seen; `base_in_new_labs`: those by regressions that did not see the lab. `evidence` (n, e).

    A multinomial logistic regression with an offset. With few observed programs it stays near the offset, so that
    evidence never costs what is known without it.
    """
    used = np.flatnonzero(evidence.any(axis=0))  # those of single tests of other labs are not
    seen = evidence[:, used]

    def predictor(offset: Floats, strength: float) -> Callable[[Bools, Bools], Floats]:
        def predict(train: Bools, test: Bools) -> Floats:
            share, weights = _fit(offset[train], seen[train], examples.only(train), strength)
            found: Floats = share * offset[test] + seen[test] @ weights
            return found

        return predict

    with threadpool_limits(limits=1):
        found = {
            each: held_out_logits(examples.students, predictor(base, each), examples.classes) for each in STRENGTHS
        }
        strength = min(STRENGTHS, key=lambda each: _loss(found[each], examples))
        weights = np.zeros((evidence.shape[1], examples.classes))
        if _loss(base, examples) <= _loss(found[strength], examples):
            return EvidenceFit(1.0, weights, 1.0, base)
        share, weights[used] = _fit(base, seen, examples, strength)
        logits = found[strength]
        degree = temperature(logits, examples)
        sharpness = 1.0
        if (groups := new_lab_groups(examples)) is not None:
            in_new_labs = held_out_logits(groups, predictor(base_in_new_labs, strength), examples.classes)
            sharpness = min(1.0, degree / temperature(in_new_labs, examples))
    return EvidenceFit(share / degree, weights / degree, sharpness, logits / degree)


def _loss(logits: Floats, examples: Examples) -> float:
    """The negative log-likelihood of the examples' ratings."""
    probabilities = softmax(logits)[np.arange(len(logits)), examples.ratings]
    return -float(examples.weights @ np.log(probabilities + 1e-300))


def _fit(base: Floats, evidence: Floats, examples: Examples, strength: float) -> tuple[float, Floats]:
    """The share of `base` and the weights (e, ratings) with the least penalised negative log-likelihood."""
    ratings, weights = examples.ratings, examples.weights
    given = np.eye(examples.classes)[ratings]
    shape = (evidence.shape[1], examples.classes)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        share, coefficients = parameters[0], parameters[1:].reshape(shape)
        probabilities = softmax(share * base + evidence @ coefficients)
        likelihood = weights @ np.log(probabilities[np.arange(len(ratings)), ratings] + 1e-300)
        penalty = ((share - 1) ** 2 + (coefficients**2).sum()) / (2 * strength)
        errors = weights[:, None] * (probabilities - given)
        gradient = evidence.T @ errors + coefficients / strength
        of_share = (errors * base).sum() + (share - 1) / strength
        return penalty - likelihood, np.concatenate([[of_share], gradient.ravel()])

    start = np.zeros(1 + evidence.shape[1] * examples.classes)
    start[0] = 1.0
    from scipy.optimize import minimize  # slow to import, and a service that fits no head does not need it

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    return float(found[0]), found[1:].reshape(shape)
