import math

import pytest

from serving.scoring.option_orders import option_orders
from serving.scoring.scores import belief, mean_belief


def test_shares_are_the_softmax_over_the_letters_and_mass_is_what_the_letters_got_of_the_vocabulary() -> None:
    believed = belief([math.log(0.6), math.log(0.2)])
    assert believed.probabilities == pytest.approx((0.75, 0.25))
    assert believed.label_mass == pytest.approx(0.8)
    assert (believed.choice, believed.tied) == (0, False)
    assert believed.confidence() == pytest.approx(0.75)


def test_very_small_probabilities_do_not_underflow() -> None:
    believed = belief([-2000.0, -2000.0 + math.log(3)])
    assert believed.probabilities == pytest.approx((0.25, 0.75))
    assert believed.label_mass == 0.0


def test_a_letter_that_the_model_rules_out_has_no_share() -> None:
    assert belief([-math.inf, -1.0]).probabilities == (0.0, 1.0)


def test_equal_letters_are_a_tie_and_the_first_stands() -> None:
    believed = belief([-1.0, -0.5, -0.5])
    assert believed.tied
    assert believed.choice == 1


def test_rounding_cannot_make_more_than_the_whole_probability() -> None:
    assert belief([0.0, 0.001]).label_mass == 1.0


@pytest.mark.parametrize("logprobs", [[], [math.nan, -1.0], [math.inf, -1.0], [-math.inf, -math.inf]])
def test_numbers_that_say_nothing_are_refused(logprobs: list[float]) -> None:
    with pytest.raises(ValueError, match=r"score|probability"):
        belief(logprobs)


def test_over_orders_the_shares_are_means_of_the_ratings_not_of_the_letters() -> None:
    likes_a = [math.log(0.6), math.log(0.3), math.log(0.1)]
    found = mean_belief([likes_a, likes_a, likes_a], option_orders(3, 3))
    assert found.probabilities == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert (found.letters, found.order_sensitive) == ((0, 0, 0), True)


def test_a_model_that_knows_the_rating_finds_it_at_every_letter() -> None:
    believes = (0.1, 0.7, 0.2)
    orders = option_orders(3, 3)
    found = mean_belief([[math.log(believes[r]) for r in order] for order in orders], orders)
    assert found.probabilities == pytest.approx(believes)
    assert [order[letter] for order, letter in zip(orders, found.letters, strict=True)] == [1, 1, 1]
    assert not found.order_sensitive


def test_with_one_order_nothing_is_said_of_orders() -> None:
    found = mean_belief([[math.log(0.6), math.log(0.4)]], option_orders(2, 1))
    assert (found.letters, found.order_sensitive) == ((), False)


def test_a_temperature_changes_how_sure_not_what() -> None:
    found = belief([math.log(0.8), math.log(0.2)])
    assert found.confidence(1.0) == pytest.approx(0.8)
    assert found.confidence(2.0) == pytest.approx(2 / 3)  # sqrt(.8) : sqrt(.2) = 2 : 1
    assert found.confidence(0.5) == pytest.approx(16 / 17)
    assert belief([0.0, -math.inf]).confidence(3.0) == 1.0
