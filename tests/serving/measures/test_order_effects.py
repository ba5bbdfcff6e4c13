"""Flip rate and position bias, by hand and by simulation."""

import numpy as np
import pytest
from scipy import stats

from serving.measures.decisions import Decision
from serving.measures.order_effects import chosen_ratings, flip_rate, order_effects, position_bias
from serving.scoring.option_orders import option_orders
from tests.harness.courses.decisions import decision


def scored(letters: tuple[int, ...], student: str = "s1", ratings: int = 3) -> Decision:
    return decision(student, ratings=ratings, letters=letters)


def unbiased(rating: int, student: str, ratings: int = 3) -> Decision:
    """A grader that gives `rating` in every order."""
    return scored(tuple(o.index(rating) for o in option_orders(ratings, ratings)), student, ratings)


def test_letters_are_mapped_to_ratings_by_their_order() -> None:
    assert chosen_ratings(scored((0, 0, 0))) == [0, 1, 2]
    assert chosen_ratings(unbiased(2, "s1")) == [2, 2, 2]


def test_flip_rate_and_its_interval_by_hand() -> None:
    found = flip_rate([scored((0, 0, 0), "s0"), *(unbiased(i % 3, f"s{i}") for i in range(1, 8))])
    assert (found.decisions, found.rate) == (8, 0.125)
    # One decision per student: the t-interval of the mean of one 1 and seven 0, clipped at 0.
    assert found.high == pytest.approx(0.125 + stats.t.ppf(0.975, 7) * np.std([1, *[0] * 7], ddof=1) / 8**0.5)
    assert found.low == 0


def test_flips_within_one_student_widen_the_interval() -> None:
    flip, steady = (0, 0, 0), (1, 0, 2)
    together = [scored(flip if s == 0 else steady, f"s{s}") for s in range(8) for _ in range(8)]
    spread = [scored(flip if c == 0 else steady, f"s{s}") for s in range(8) for c in range(8)]
    one, other = flip_rate(together), flip_rate(spread)
    assert one.rate == other.rate == 0.125
    assert one.high - one.low > other.high - other.low


def test_always_choosing_the_first_option_is_a_bias() -> None:
    found = position_bias([scored((0, 0, 0), f"s{i}") for i in range(10)])
    assert found.biased and found.p_value < 1e-6
    assert found.summary == "prefers option A: chosen in 100%, expected 33%"


def test_always_giving_the_same_rating_is_no_position_bias() -> None:
    found = position_bias([unbiased(0, f"s{i}") for i in range(10)])
    assert found.shares == pytest.approx((1 / 3,) * 3)
    assert (found.biased, found.p_value) == (False, 1.0)


def test_small_bias_is_significant_only_with_enough_students() -> None:
    few = [scored((1, 1, 2), "a"), scored((1, 0, 1), "b"), scored((1, 2, 1), "c"), scored((0, 1, 2), "d")]
    many = [d.model_copy(update={"student": f"{d.student}{i}"}) for i in range(12) for d in few]
    assert not position_bias(few).biased
    assert position_bias(many).biased and position_bias(many).summary.startswith("prefers option B: chosen in 58%")


def test_random_choices_have_the_nominal_false_positive_rate() -> None:
    rng = np.random.default_rng(5)
    significant = 0
    for _ in range(400):
        decisions = [scored(tuple(rng.integers(0, 3, 3).tolist()), f"s{i % 25}") for i in range(75)]
        significant += position_bias(decisions).p_value < 0.05
    assert significant / 400 == pytest.approx(0.05, abs=0.035)


def test_positions_are_grouped_by_ratings_and_need_balanced_orders() -> None:
    effects = order_effects([scored((0, 0, 0)), scored((0, 1), ratings=2), scored((0, 0)), scored(())])
    assert effects is not None
    assert [(each.ratings, each.decisions) for each in effects.positions] == [(2, 1), (3, 1)]
    assert effects.flips.decisions == 3


def test_no_order_effects_with_a_single_order() -> None:
    assert order_effects([scored(())]) is None
