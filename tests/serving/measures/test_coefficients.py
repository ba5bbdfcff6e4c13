"""Krippendorff's alpha and correlations: published and hand-worked examples, and independent implementations."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import kendalltau, pearsonr

from serving.measures.coefficients import (
    coincidences,
    kendall_tau_b,
    krippendorff_alpha,
    ordinal_alpha,
    ordinal_distance,
    pearson,
)

FOUR_OBSERVERS = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""
"""Krippendorff (2011), section E: twelve units, ratings 1 to 5, a point is a missing rating."""


def units_of(text: str) -> list[list[int]]:
    columns = zip(*(line.split() for line in text.strip().splitlines()), strict=True)
    return [[int(rating) - 1 for rating in column if rating != "."] for column in columns]


def by_pairs(units: list[list[int]], distance: np.ndarray) -> float:
    """Alpha from its definition: mean distance of pairs within units, divided by that of all pairs of the data."""
    paired = [unit for unit in units if len(unit) > 1]
    every = [rating for unit in paired for rating in unit]
    within = sum(2 * distance[a, b] / (len(unit) - 1) for unit in paired for a, b in combinations(unit, 2)) / len(every)
    between = np.mean([distance[a, b] for a, b in combinations(every, 2)])
    return float(1 - within / between)


def test_alpha_of_the_published_example() -> None:
    counted = coincidences(units_of(FOUR_OBSERVERS), 5).sum(0)
    assert counted[0].tolist() == pytest.approx([7, 4 / 3, 1 / 3, 1 / 3, 0])
    assert counted.sum() == pytest.approx(40)
    values = np.arange(1, 6)
    interval = np.subtract.outer(values, values).astype(float)
    ratio = interval / np.add.outer(values, values)
    assert krippendorff_alpha(counted, 1 - np.eye(5)) == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(counted, ordinal_distance(counted)) == pytest.approx(0.815, abs=5e-4)
    assert krippendorff_alpha(counted, interval**2) == pytest.approx(0.849, abs=5e-4)
    assert krippendorff_alpha(counted, ratio**2) == pytest.approx(0.797, abs=5e-4)


@pytest.mark.parametrize("seed", range(5))
def test_alpha_matches_its_definition_over_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    units = [[int(rng.integers(4)) for _ in range(rng.integers(0, 5))] for _ in range(30)]
    counted = coincidences(units, 4).sum(0)
    every = [rating for unit in units if len(unit) > 1 for rating in unit]
    counts = np.bincount(every, minlength=4)
    distance = np.array(
        [
            [(counts[min(a, b) : max(a, b) + 1].sum() - (counts[a] + counts[b]) / 2) ** 2 for b in range(4)]
            for a in range(4)
        ]
    )
    assert krippendorff_alpha(counted, ordinal_distance(counted)) == pytest.approx(by_pairs(units, distance))


def test_alpha_of_two_units_by_hand() -> None:
    """Units AA and AB: coincidences 2, 1, 1, 0; observed 2 of 4, expected 2 x 3 x 1 / (4 x 3): alpha 0."""
    counted = coincidences([[0, 0], [0, 1]], 2).sum(0)
    assert counted.tolist() == [[2, 1], [1, 0]]
    assert krippendorff_alpha(counted, 1 - np.eye(2)) == pytest.approx(0)


def test_alpha_is_undefined_without_variation_or_pairs() -> None:
    for units in ([[1, 1], [1, 1, 1]], [[0], [2], []]):
        counted = coincidences(units, 3).sum(0)
        assert np.isnan(krippendorff_alpha(counted, ordinal_distance(counted)))


def test_ungraded_criterion_is_a_missing_rating() -> None:
    """Ten agree on A and ten on B; five ungraded ones do not change alpha."""
    graded = np.array([[10.0, 0, 0], [0, 10, 0]])
    with_ungraded = np.array([[10.0, 0, 5], [0, 10, 0]])
    assert ordinal_alpha(graded) == ordinal_alpha(with_ungraded) == 1


@pytest.mark.parametrize("seed", range(4))
def test_weighted_correlations_match_scipy_on_repeated_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 6, 40).astype(float), rng.integers(0, 6, 40).astype(float)
    weights = np.vstack([np.ones(40), rng.multinomial(40, np.full(40, 1 / 40), size=3)]).astype(float)
    for row, tau, r in zip(weights, kendall_tau_b(x, y, weights), pearson(x, y, weights), strict=True):
        often = row.astype(int)
        assert tau == pytest.approx(kendalltau(np.repeat(x, often), np.repeat(y, often)).statistic)
        assert r == pytest.approx(pearsonr(np.repeat(x, often), np.repeat(y, often)).statistic)


def test_correlation_with_a_constant_is_undefined() -> None:
    same, other, weights = np.full(4, 0.1), np.arange(4.0), np.ones((1, 4))
    assert np.isnan(kendall_tau_b(same, other, weights)).all()
    assert np.isnan(pearson(other, same, weights)).all()
    assert np.isnan(pearson(np.array([]), np.array([]), np.ones((2, 0)))).all()
