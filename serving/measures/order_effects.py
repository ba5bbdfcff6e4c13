"""Effects of the option order on a grader: how often it changes the rating, and position bias.

Both are measured on decisions that were scored in several option orders (`Decision.letters`).
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import stats

from labs_schema.frozen import Frozen
from prompts.verdict import LETTERS
from serving.measures.arrays import Floats
from serving.measures.decisions import Decision, clusters_of
from serving.scoring.option_orders import balanced, option_orders

SIGNIFICANCE = 0.01
"""A position bias is reported below this p-value."""
RIDGE = 1e-12
"""Added to the variances: without it the covariance is singular where all students chose alike."""


class FlipRate(Frozen):
    """Share `rate` of `decisions` decisions whose rating depended on the option order, with a 95 % t-interval over
    students, clipped to 0..1."""

    decisions: int
    rate: float
    low: float
    high: float


class PositionBias(Frozen):
    """Frequency of each letter over the balanced orders of `decisions` decisions among `ratings` ratings.

    `shares[i]`: share of letter i; an unbiased grader chooses each letter in 1 / `ratings`. `p_value`: of the null
    hypothesis of equal shares, with students as the unit. `biased`: whether it is below SIGNIFICANCE. `summary`: the
    result in words.
    """

    ratings: int
    decisions: int
    shares: tuple[float, ...]
    p_value: float
    biased: bool
    summary: str


class OrderEffects(Frozen):
    """`positions`: one entry for each number of ratings whose decisions were scored in balanced orders."""

    flips: FlipRate
    positions: tuple[PositionBias, ...]


def order_effects(decisions: Sequence[Decision]) -> OrderEffects | None:
    """The effects of the order; None if no decision was scored in several orders."""
    scored = [d for d in decisions if len(d.letters) > 1]
    if not scored:
        return None
    sizes = sorted({d.ratings for d in scored})
    groups = ([d for d in scored if d.ratings == size and balanced(size, len(d.letters))] for size in sizes)
    return OrderEffects(flips=flip_rate(scored), positions=tuple(position_bias(group) for group in groups if group))


def flip_rate(decisions: Sequence[Decision]) -> FlipRate:
    """The flip rate of decisions with letters; at least one."""
    flips = np.array([len(set(chosen_ratings(d))) > 1 for d in decisions], float)
    rate = flips.mean()
    standard_error = _covariance_of_mean((flips - rate)[:, None], decisions)[0, 0] ** 0.5
    students = len({*clusters_of(decisions)})
    margin = standard_error * stats.t.ppf(0.975, students - 1) if students > 1 else 1.0
    return FlipRate(
        decisions=len(decisions),
        rate=float(rate),
        low=float(max(0.0, rate - margin)),
        high=float(min(1.0, rate + margin)),
    )


def chosen_ratings(decision: Decision) -> list[int]:
    """The rating chosen under each option order."""
    orders = option_orders(decision.ratings, len(decision.letters))
    return [order[letter] for order, letter in zip(orders, decision.letters, strict=True)]


def position_bias(decisions: Sequence[Decision]) -> PositionBias:
    """The position bias of decisions with the same number of ratings, all scored in balanced orders; at least one.

    Over balanced orders each rating takes each letter equally often, so the quality of the submissions favours no
    letter. Wald test of the mean shares against equal ones, with a covariance summed by student (Liang & Zeger 1986,
    Biometrika 73) and Hotelling's reference distribution.
    """
    size = decisions[0].ratings
    chosen = np.array([[Counter(d.letters)[i] / len(d.letters) for i in range(size)] for d in decisions])
    shares = chosen.mean(0)
    p_value = _p_of_equal_shares(chosen, decisions)
    best = int(shares.argmax())
    biased = p_value < SIGNIFICANCE
    preference = f"prefers option {LETTERS[best]}: chosen in {shares[best]:.0%}, expected {1 / size:.0%}"
    return PositionBias(
        ratings=size,
        decisions=len(decisions),
        shares=tuple(shares.tolist()),
        p_value=p_value,
        biased=biased,
        summary=preference if biased else "no significant position bias",
    )


def _p_of_equal_shares(chosen: Floats, decisions: Sequence[Decision]) -> float:
    """1 where there are too few students for the test."""
    students, free = len({*clusters_of(decisions)}), chosen.shape[1] - 1
    if students <= free:
        return 1.0
    excess = (chosen.mean(0) - 1 / chosen.shape[1])[:free]
    covariance = _covariance_of_mean((chosen - chosen.mean(0))[:, :free], decisions)
    statistic = excess @ np.linalg.solve(covariance + RIDGE * np.eye(free), excess)
    scale = (students - free) / (free * (students - 1))
    return float(stats.f.sf(statistic * scale, free, students - free))


def _covariance_of_mean(centred: Floats, decisions: Sequence[Decision]) -> Floats:
    """Covariance (K, K) of the mean of `centred` (N, K), whose rows are correlated within a student or group."""
    _, member = np.unique(clusters_of(decisions), return_inverse=True)
    students = int(member.max()) + 1
    sums = np.zeros((students, centred.shape[1]))
    np.add.at(sums, member, centred)
    return np.array(sums.T @ sums * students / max(students - 1, 1) / len(centred) ** 2)
