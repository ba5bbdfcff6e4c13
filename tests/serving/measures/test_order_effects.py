import numpy as np
import pytest
from scipy import stats

from serving.measures.decisions import Decision
from serving.measures.order_effects import chosen_ratings, flip_rate, order_effects, place_liking
from serving.scoring.option_orders import option_orders


def asked(letters: tuple[int, ...], student: str = "s1", ratings: int = 3) -> Decision:
    return Decision(
        lab="a",
        language="c",
        student=student,
        criterion="x",
        ratings=ratings,
        human=0,
        grader=0,
        confidence=0.9,
        letters=letters,
    )


def knows(rating: int, student: str, ratings: int = 3) -> Decision:
    """A grader that finds `rating` wherever it stands."""
    return asked(tuple(o.index(rating) for o in option_orders(ratings, ratings)), student, ratings)


def test_the_letters_are_read_as_the_ratings_they_stood_for() -> None:
    assert chosen_ratings(asked((0, 0, 0))) == [0, 1, 2]
    assert chosen_ratings(knows(2, "s1")) == [2, 2, 2]


def test_the_flip_rate_counts_decisions_whose_orders_disagree() -> None:
    found = flip_rate([asked((0, 0, 0), "s0"), *(knows(i % 3, f"s{i}") for i in range(1, 8))])
    assert (found.decisions, found.rate) == (8, 0.125)
    # one decision a student: the t-interval of the mean of a 1 and seven 0, cut at 0
    assert found.high == pytest.approx(0.125 + stats.t.ppf(0.975, 7) * np.std([1, *[0] * 7], ddof=1) / 8**0.5)
    assert found.low == 0


def test_flips_of_one_student_give_a_wider_interval_than_of_many() -> None:
    flip, steady = (0, 0, 0), (1, 0, 2)
    together = [asked(flip if s == 0 else steady, f"s{s}") for s in range(8) for _ in range(8)]
    apart = [asked(flip if c == 0 else steady, f"s{s}") for s in range(8) for c in range(8)]
    one, other = flip_rate(together), flip_rate(apart)
    assert one.rate == other.rate == 0.125
    assert one.high - one.low > other.high - other.low


def test_a_grader_that_always_takes_the_first_option_is_found_out() -> None:
    found = place_liking([asked((0, 0, 0), f"s{i}") for i in range(10)])
    assert found.liked and found.p_value < 1e-6
    assert found.said == "likes position A: 100% where 33% would be even"


def test_a_grader_that_always_gives_the_same_rating_likes_no_place() -> None:
    found = place_liking([knows(0, f"s{i}") for i in range(10)])
    assert found.shares == pytest.approx((1 / 3,) * 3)
    assert (found.liked, found.p_value) == (False, 1.0)


def test_a_leaning_is_told_from_chance_by_the_number_of_students() -> None:
    leans = [asked((1, 1, 2), "a"), asked((1, 0, 1), "b"), asked((1, 2, 1), "c"), asked((0, 1, 2), "d")]
    many = [d.model_copy(update={"student": f"{d.student}{i}"}) for i in range(12) for d in leans]
    assert not place_liking(leans).liked
    assert place_liking(many).liked and place_liking(many).said.startswith("likes position B: 58%")


def test_a_fair_coin_is_accused_as_seldom_as_the_level_says() -> None:
    draw = np.random.default_rng(5)
    accused = 0
    for _ in range(400):
        decisions = [asked(tuple(draw.integers(0, 3, 3).tolist()), f"s{i % 25}") for i in range(75)]
        accused += place_liking(decisions).p_value < 0.05
    assert accused / 400 == pytest.approx(0.05, abs=0.035)


def test_places_are_judged_by_the_number_of_ratings_and_only_over_balanced_orders() -> None:
    effects = order_effects([asked((0, 0, 0)), asked((0, 1), ratings=2), asked((0, 0)), asked(())])
    assert effects is not None
    assert [(place.ratings, place.decisions) for place in effects.places] == [(2, 1), (3, 1)]
    assert effects.flips.decisions == 3


def test_without_several_orders_there_is_nothing_to_say() -> None:
    assert order_effects([asked(())]) is None
