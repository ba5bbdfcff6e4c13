"""The regression on evidence, next to the answer that a head gives without it."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from training.head.basis import Programs
from training.head.evidence import fit_evidence
from training.head.fit import FittedCriterion, fit_head
from training.head.regression import Examples, softmax


def programs(observed: np.ndarray, evidence: np.ndarray) -> Programs:
    """90 programs of 3 labs, whose text and hidden features are random."""
    random = np.random.default_rng(0)
    text = csr_matrix(random.random((90, 6)))
    return Programs(text, random.normal(size=(90, 5)), np.arange(90) % 3, evidence * observed[:, None], observed)


def fitted(observed: np.ndarray, rows: np.ndarray) -> tuple[Programs, np.ndarray, FittedCriterion]:
    """The rating is the first column of the evidence; the second is a constant, the third is noise."""
    random = np.random.default_rng(1)
    passed = random.integers(0, 2, 90)
    evidence = np.column_stack([passed, np.ones(90), random.random(90)]).astype(float)
    found = programs(observed, evidence)
    examples = Examples(rows, passed[rows], rows, rows % 3, np.ones(len(rows)), np.ones(len(rows), bool), 2)
    return found, passed, fit_head(found, {"c": examples})["c"]


def answers(head: FittedCriterion, given: Programs, lab: int) -> np.ndarray:
    base = head.sharpness[lab] * (given.text @ head.text_weights + given.hidden @ head.hidden_weights + head.labs[lab])
    with_evidence = head.base_share * base + given.evidence @ head.evidence_weights
    return softmax(np.where(given.observed[:, None], head.evidence_sharpness[lab] * with_evidence, base))


def test_evidence_decides_where_code_is_uninformative_also_in_a_new_lab() -> None:
    everything = np.ones(90, bool)
    given, passed, head = fitted(everything, np.flatnonzero(np.arange(90) % 3 < 2))
    assert (head.held_out.argmax(axis=1) == passed[np.arange(90) % 3 < 2]).all()
    new = given.labs == 2
    found = answers(head, given, 3)[new]
    assert (found.argmax(axis=1) == passed[new]).all() and found.max(axis=1).mean() > 0.9


def test_programs_that_were_not_observed_get_the_answers_of_a_head_without_evidence() -> None:
    half, rows = np.arange(90) < 45, np.arange(0, 90, 2)
    given, _, head = fitted(half, rows)
    _, _, blind = fitted(np.zeros(90, bool), rows)
    np.testing.assert_allclose(answers(head, given, 0)[~half], answers(blind, given, 0)[~half])
    assert not np.allclose(answers(head, given, 0)[half], answers(blind, given, 0)[half])
    np.testing.assert_allclose(head.held_out[rows >= 45], blind.held_out[rows >= 45])


def test_without_an_observed_rating_observed_programs_are_answered_as_others() -> None:
    given, _, head = fitted(np.arange(90) < 45, np.arange(45, 90))
    _, _, blind = fitted(np.zeros(90, bool), np.arange(45, 90))
    np.testing.assert_allclose(answers(head, given, 0), answers(blind, given, 0))


def two_of_rating_1() -> Examples:
    ones = np.ones(2)
    return Examples(np.arange(2), ones.astype(int), np.arange(2), np.zeros(2, int), ones, ones > 0, 2)


def test_the_weights_are_at_the_minimum_of_the_penalised_likelihood() -> None:
    # With two observed programs of rating 1, weight w of a single feature x = 1 and base log-odds 0, the loss is
    # 2 log(1 + exp(w0 - w1)) + (w0^2 + w1^2) / 12: at the minimum w1 = -w0 = 12 * P(rating 0).
    found = fit_evidence(np.zeros((2, 2)), np.zeros((2, 2)), np.ones((2, 1)), two_of_rating_1())
    weights = found.weights[0] / found.share  # both are divided by the temperature
    assert weights[1] == pytest.approx(12 * softmax(weights)[0], abs=1e-3) and weights[0] == pytest.approx(-weights[1])


def test_evidence_that_misleads_on_held_out_students_is_not_used() -> None:
    # The two programs look the same and have different ratings: what one teaches is wrong about the other.
    base = np.array([[0.0, 3.0], [0.0, 3.0]])
    ratings = two_of_rating_1()._replace(ratings=np.arange(2))
    found = fit_evidence(base, base, np.ones((2, 1)), ratings)
    assert found.share == found.sharpness == 1 and not found.weights.any()
    np.testing.assert_array_equal(found.held_out, base)
