"""What the order of the options does to a grader: how often it changes the rating, and whether a place is liked.

Of decisions that were asked in several orders (`letters`). Pure; knows no model and no file.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from labs_schema.frozen import Frozen
from prompts.verdict import LETTERS
from serving.measures.decisions import Decision
from serving.scoring.option_orders import balanced, option_orders

Floats = NDArray[np.float64]

SIGNIFICANT = 0.01
"""A liking is said to be there below this p-value."""
NONE = 1e-12
"""Variance added where all students chose alike, so that there is none."""


class FlipRate(Frozen):
    """Of `decisions` decisions, in the share `rate` the orders did not all give the same rating; 95 % interval by a
    t-interval over students, within 0 and 1."""

    decisions: int
    rate: float
    low: float
    high: float


class PlaceLiking(Frozen):
    """Over the balanced orders of `decisions` decisions among `ratings` ratings, letter i was chosen in the share
    `shares[i]`; a grader that only looks at what an option says chooses each in 1 / `ratings`.

    `p_value`: of shares that far apart by chance, students being the unit. `said`: what it means, for people.
    """

    ratings: int
    decisions: int
    shares: tuple[float, ...]
    p_value: float
    liked: bool
    said: str


class OrderEffects(Frozen):
    """`places`: one a number of ratings, of those that were asked in balanced orders."""

    flips: FlipRate
    places: tuple[PlaceLiking, ...]


def order_effects(decisions: Sequence[Decision]) -> OrderEffects | None:
    """None where no decision was asked in several orders."""
    asked = [d for d in decisions if len(d.letters) > 1]
    if not asked:
        return None
    sizes = sorted({d.ratings for d in asked})
    groups = ([d for d in asked if d.ratings == size and balanced(size, len(d.letters))] for size in sizes)
    return OrderEffects(flips=flip_rate(asked), places=tuple(place_liking(group) for group in groups if group))


def flip_rate(decisions: Sequence[Decision]) -> FlipRate:
    """Of decisions with letters, at least one."""
    flips = np.array([len(set(chosen_ratings(d))) > 1 for d in decisions], float)
    rate = flips.mean()
    spread = _spread_of_mean((flips - rate)[:, None], decisions)[0, 0] ** 0.5
    students = len({d.student for d in decisions})
    reach = spread * stats.t.ppf(0.975, students - 1) if students > 1 else 1.0
    return FlipRate(
        decisions=len(decisions),
        rate=float(rate),
        low=float(max(0.0, rate - reach)),
        high=float(min(1.0, rate + reach)),
    )


def chosen_ratings(decision: Decision) -> list[int]:
    """The rating that each order gave."""
    orders = option_orders(decision.ratings, len(decision.letters))
    return [order[letter] for order, letter in zip(orders, decision.letters, strict=True)]


def place_liking(decisions: Sequence[Decision]) -> PlaceLiking:
    """Of decisions with the same number of ratings, all asked in balanced orders; at least one.

    Over balanced orders a rating stands at every letter equally often, so that what the work deserves favours none.
    Tested by a Wald test of the mean shares against equal ones, with a covariance summed by student and Hotelling's
    reference distribution (Liang & Zeger 1986, Biometrika 73, for the covariance).
    """
    size = decisions[0].ratings
    chosen = np.array([[Counter(d.letters)[i] / len(d.letters) for i in range(size)] for d in decisions])
    shares = chosen.mean(0)
    p_value = _p_of_equal(chosen, decisions)
    best = int(shares.argmax())
    liked = p_value < SIGNIFICANT
    likes = f"likes position {LETTERS[best]}: {shares[best]:.0%} where {1 / size:.0%} would be even"
    return PlaceLiking(
        ratings=size,
        decisions=len(decisions),
        shares=tuple(shares.tolist()),
        p_value=p_value,
        liked=liked,
        said=likes if liked else "likes no position that could be told from chance",
    )


def _p_of_equal(chosen: Floats, decisions: Sequence[Decision]) -> float:
    """1 where there are too few students to say."""
    students, free = len({d.student for d in decisions}), chosen.shape[1] - 1
    if students <= free:
        return 1.0
    apart = (chosen.mean(0) - 1 / chosen.shape[1])[:free]
    spread = _spread_of_mean((chosen - chosen.mean(0))[:, :free], decisions)
    statistic = apart @ np.linalg.solve(spread + NONE * np.eye(free), apart)
    scale = (students - free) / (free * (students - 1))
    return float(stats.f.sf(statistic * scale, free, students - free))


def _spread_of_mean(centred: Floats, decisions: Sequence[Decision]) -> Floats:
    """Covariance of the mean of `centred` (N, K), whose rows of one student hang together: (K, K)."""
    _, member = np.unique([d.student for d in decisions], return_inverse=True)
    students = int(member.max()) + 1
    sums = np.zeros((students, centred.shape[1]))
    np.add.at(sums, member, centred)
    return np.array(sums.T @ sums * students / max(students - 1, 1) / len(centred) ** 2)
