"""The regressions of a head against direct computations."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from training.head.basis import Programs, Shares, make_basis, relative_to_labs
from training.head.fit import LAB_SHARE, fit_head
from training.head.regression import Examples, fit_regression, softmax


@pytest.fixture
def programs() -> Programs:
    """60 programs of 3 labs with 12 text features and 8 hidden ones."""
    random = np.random.default_rng(0)
    text = csr_matrix(random.random((60, 12)) * (random.random((60, 12)) < 0.4))
    hidden, nothing = random.normal(size=(60, 8)), np.zeros((60, 0))
    return Programs(text, hidden, np.arange(60) % 3, nothing, np.zeros(60, bool))


def rated(programs: Programs, rows: range) -> Examples:
    """Three ratings, in bands of the first hidden feature."""
    first = programs.hidden[list(rows), 0]
    ratings = (first > -0.5).astype(int) + (first > 0.5)
    numbers = np.array(rows)
    return Examples(numbers, ratings, numbers, programs.labs[numbers], np.ones(len(rows)), np.ones(len(rows), bool), 3)


def test_similarity_relative_to_labs_is_that_of_centred_features(programs: Programs) -> None:
    features = programs.hidden
    means = np.array([features[programs.labs == lab].mean(axis=0) for lab in range(3)])
    centred = features - means[programs.labs]
    found = relative_to_labs(features @ features.T, programs.labs, np.arange(60))
    np.testing.assert_allclose(found, centred @ centred.T, atol=1e-10)


def test_weights_of_features_give_the_regression_in_the_basis(programs: Programs) -> None:
    examples = rated(programs, range(50))
    basis = make_basis(programs, Shares(), seed=0)
    fitted = fit_head(programs, {"c": examples}, strength=5.0, basis=basis)["c"]
    by_features = programs.text @ fitted.text_weights + programs.hidden @ fitted.hidden_weights
    by_features = fitted.sharpness[programs.labs, None] * (by_features + fitted.labs[programs.labs])

    in_labs = np.sqrt(LAB_SHARE) * (programs.labs[:, None] == np.arange(3))
    points = np.hstack([basis.points, in_labs])
    regression = fit_regression(
        points[:50],
        examples,
        strength=5.0,
    )
    in_basis = fitted.sharpness[programs.labs, None] * (points @ regression.coefficients.T + regression.intercept)
    np.testing.assert_allclose(softmax(by_features), softmax(in_basis), atol=1e-6)


def test_answers_in_labs_without_ratings_are_less_certain(programs: Programs) -> None:
    # The lab decides the rating, so a head is wrong in a lab that it does not know.
    rows = np.flatnonzero(programs.labs < 2)
    examples = Examples(
        rows, programs.labs[rows], rows, programs.labs[rows], np.ones(len(rows)), np.ones(len(rows), bool), 2
    )
    sharpness = fit_head(programs, {"c": examples})["c"].sharpness
    assert sharpness[3] == sharpness[2] < sharpness[1] <= 1


def test_a_rating_that_no_one_gave_stays_possible(programs: Programs) -> None:
    examples = rated(programs, range(30))._replace(ratings=np.zeros(30, int))
    fitted = fit_head(programs, {"c": examples})["c"]
    given = softmax(programs.text @ fitted.text_weights + programs.hidden @ fitted.hidden_weights + fitted.labs[0])
    assert (given > 0).all()
    assert (given.argmax(axis=1) == 0).all()


def test_held_out_answers_do_not_see_the_students_own_rating(programs: Programs) -> None:
    examples = rated(programs, range(50))
    changed = examples.ratings.copy()
    changed[0] = (changed[0] + 1) % 3
    first, second = (
        fit_head(programs, {"c": each})["c"].held_out for each in (examples, examples._replace(ratings=changed))
    )
    # Only the temperature, which all examples share, may differ.
    assert first[0].argsort().tolist() == second[0].argsort().tolist()
    assert not np.allclose(first[1], second[1])


def test_few_landmarks_give_similar_answers(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = rated(programs, range(50))
    exact = fit_head(programs, {"c": examples})["c"].held_out
    monkeypatch.setattr("training.head.basis.LANDMARKS", 40)
    fewer = fit_head(programs, {"c": examples})["c"].held_out
    assert (exact.argmax(axis=1) == fewer.argmax(axis=1)).mean() > 0.8


def soft_examples(probabilities: np.ndarray, weight: float, by_ta: bool) -> Examples:
    """Each program once with each of its two ratings, weighted by `probabilities` (60, 2)."""
    rows = np.repeat(np.arange(60), 2)
    return Examples(
        rows, np.tile([0, 1], 60), rows, rows % 3, weight * probabilities.ravel(), np.full(120, by_ta), classes=2
    )


def test_soft_labels_minimise_the_cross_entropy_with_the_teachers_probabilities(programs: Programs) -> None:
    yes = 1 / (1 + np.exp(-programs.hidden[:, 0]))
    teacher = np.column_stack([1 - yes, yes])
    fitted = fit_head(programs, {"c": soft_examples(teacher, 100.0, by_ta=False)}, strength=1000.0)["c"]
    found = softmax(programs.text @ fitted.text_weights + programs.hidden @ fitted.hidden_weights + fitted.labs[0])
    # The teacher is a logistic regression on these features, so the least cross-entropy is at its own probabilities.
    np.testing.assert_allclose(found, teacher, atol=0.1)
    assert np.corrcoef(found[:, 1], yes)[0, 1] > 0.99


def test_a_one_hot_soft_label_is_a_weighted_rating(programs: Programs) -> None:
    hard = (programs.hidden[:, 0] > 0).astype(int)
    rows = np.arange(60)
    ratings = Examples(rows, hard, rows, rows % 3, np.full(60, 0.3), np.zeros(60, bool), 2)
    one_hot = soft_examples(np.eye(2)[hard], 0.3, by_ta=False)
    first, second = (fit_head(programs, {"c": each})["c"] for each in (ratings, one_hot))
    np.testing.assert_allclose(first.hidden_weights, second.hidden_weights, atol=1e-2)


def test_only_ratings_of_tas_set_the_temperature_and_make_a_lab_known(programs: Programs) -> None:
    teacher = np.eye(2)[(programs.hidden[:, 0] > 0).astype(int)]
    fitted = [fit_head(programs, {"c": soft_examples(teacher, 1.0, by_ta=by_ta)})["c"] for by_ta in (True, False)]
    # Right answers on held-out students make the first head more certain; the second has no rating to check against.
    spread = [float(np.abs(each.hidden_weights[:, 1]).max()) for each in fitted]
    assert spread[0] > 1.1 * spread[1]
    assert np.ptp(fitted[1].sharpness) == 0
