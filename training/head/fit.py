"""Fits a head: for each criterion a regression on the programs of all labs that have it, as plain arrays."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from training.head.basis import Basis, Floats, Ints, Programs, Shares, lab_means, make_basis
from training.head.evidence import EvidenceFit, fit_evidence
from training.head.regression import Examples, Regression, fit_regression, softmax

STRENGTH = 6.0
"""Inverse of the L2 penalty; chosen, like `LAB_SHARE` and the default shares, on other splits of the measured labs."""
LAB_SHARE = 0.1
"""The weight of a lab's own habits: of the indicator of the lab that a program belongs to."""
RATINGS_OF_A_KNOWN_LAB = 10.0
"""After so many ratings a lab's answers are mostly as certain as those of other known labs."""
OWN_WEIGHT = 3.0
"""The weight of a rating of the lab that the head is made for, next to one of another lab."""
SOFT_WEIGHT = 0.3
"""The weight of a teacher's soft label, over all ratings together, next to a TA's rating. Not tuned."""


class FittedCriterion(NamedTuple):
    """Log-probabilities of a program that was not observed are, up to a constant,
    `base = sharpness[lab] * (text @ text_weights + hidden @ hidden_weights + labs[lab])`, those of an observed one
    `evidence_sharpness[lab] * (base_share * base + e @ evidence_weights)` with its evidence e.

    Shapes (f, ratings), (d, ratings), (labs + 1, ratings), (labs + 1,), (e, ratings), (1,) and (labs + 1,); the last
    row of those of labs is for unknown ones. `held_out` (n, ratings): the probabilities that the examples get from
    regressions that did not see their student.
    """

    text_weights: Floats
    hidden_weights: Floats
    labs: Floats
    sharpness: Floats
    evidence_weights: Floats
    base_share: Floats
    evidence_sharpness: Floats
    held_out: Floats


def fit_head(
    programs: Programs,
    rated: Mapping[str, Examples],
    *,
    shares: Shares | None = None,
    strength: float = STRENGTH,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda *_: None,
    basis: Basis | None = None,
) -> dict[str, FittedCriterion]:
    """`rated`: criterion -> its examples. `basis`: of the same programs, if it was made before."""
    basis = basis or make_basis(programs, shares or Shares(), seed)
    fitted = {}
    for done, (criterion, examples) in enumerate(rated.items(), 1):
        fitted[criterion] = _fit_criterion(programs, basis, examples, strength)
        progress(done, len(rated))
    return fitted


def _fit_criterion(programs: Programs, basis: Basis, examples: Examples, strength: float) -> FittedCriterion:
    known = np.unique(examples.labs)
    labs = np.sqrt(LAB_SHARE) * (examples.labs[:, None] == known)
    regression = fit_regression(np.hstack([basis.points[examples.rows], labs]), examples, strength)
    rank = basis.points.shape[1]
    in_basis, of_labs = regression.coefficients[:, :rank].T, regression.coefficients[:, rank:].T
    count = int(programs.labs.max()) + 1
    habits = np.zeros((count, examples.classes))
    habits[known] = np.sqrt(LAB_SHARE) * of_labs
    newness = np.exp(-np.bincount(examples.labs[examples.by_ta], minlength=count + 1) / RATINGS_OF_A_KNOWN_LAB)
    text_weights, hidden_weights, at_means = _in_features(programs, basis, in_basis)
    in_labs = habits + regression.intercept - at_means
    evidence = _fit_evidence(programs, examples, regression)
    return FittedCriterion(
        text_weights,
        hidden_weights,
        labs=np.vstack([in_labs, in_labs.mean(axis=0)]),
        sharpness=regression.sharpness**newness,
        evidence_weights=evidence.weights,
        base_share=np.array([evidence.share]),
        evidence_sharpness=evidence.sharpness**newness,
        held_out=evidence.held_out,
    )


def _fit_evidence(programs: Programs, examples: Examples, regression: Regression) -> EvidenceFit:
    """With `FittedCriterion.held_out`. Without observed examples, observed programs get the same answers as others."""
    observed, held_out = programs.observed[examples.rows], softmax(regression.held_out)
    if not observed.any():
        return EvidenceFit(1.0, np.zeros((programs.evidence.shape[1], examples.classes)), 1.0, held_out)
    base, in_new_labs = regression.held_out[observed], regression.in_new_labs[observed]
    fitted = fit_evidence(base, in_new_labs, programs.evidence[examples.rows[observed]], examples.only(observed))
    held_out[observed] = softmax(fitted.held_out)
    return fitted._replace(held_out=held_out)


def _in_features(programs: Programs, basis: Basis, coefficients: Floats) -> tuple[Floats, Floats, Floats]:
    """Maps coefficients from the basis to the features, so that a prediction needs no training program: weights of text
    and hidden states, and what to subtract in each lab, (labs, ratings).

    A centred kind contributes <x - a, sum of c_m (x_m - b_m)> with the means a of x's lab and b_m of landmark m's lab.
    Its part <a, ...> is the same for all programs of a lab.
    """
    dual = basis.projection @ coefficients  # (m, ratings)
    means = lab_means(programs.labs, basis.landmarks)
    centred = dual - means.T @ _sums(dual, programs.labs[basis.landmarks], len(means))
    text, hidden, scales = programs.text[basis.landmarks], programs.hidden[basis.landmarks], basis.scales
    text_centred = scales.text_centred * (text.T @ centred)
    hidden_centred = scales.hidden_centred * (hidden.T @ centred)
    at_means = (text.T @ means.T).T @ text_centred + means @ hidden @ hidden_centred
    text_weights: Floats = scales.text * (text.T @ dual) + text_centred
    hidden_weights: Floats = scales.hidden * (hidden.T @ dual) + hidden_centred
    return text_weights, hidden_weights, at_means


def _sums(dual: Floats, labs: Ints, count: int) -> Floats:
    """(labs, ratings): the sums of `dual` over the landmarks of each lab."""
    found = np.zeros((count, dual.shape[1]))
    np.add.at(found, labs, dual)
    return found
