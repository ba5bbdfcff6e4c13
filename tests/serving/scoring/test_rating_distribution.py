import math

import pytest

from serving.scoring.option_orders import option_orders
from serving.scoring.rating_distribution import mean_distribution, rating_distribution


def test_probabilities_are_the_softmax_and_label_mass_is_the_letters_total() -> None:
    believed = rating_distribution([math.log(0.6), math.log(0.2)])
    assert believed.probabilities == pytest.approx((0.75, 0.25))
    assert believed.label_mass == pytest.approx(0.8)
    assert (believed.choice, believed.tied) == (0, False)
    assert believed.confidence() == pytest.approx(0.75)


def test_very_small_probabilities_do_not_underflow() -> None:
    believed = rating_distribution([-2000.0, -2000.0 + math.log(3)])
    assert believed.probabilities == pytest.approx((0.25, 0.75))
    assert believed.label_mass == 0.0


def test_a_letter_at_minus_infinity_has_probability_zero() -> None:
    assert rating_distribution([-math.inf, -1.0]).probabilities == (0.0, 1.0)


def test_the_first_of_tied_ratings_is_chosen() -> None:
    believed = rating_distribution([-1.0, -0.5, -0.5])
    assert believed.tied
    assert believed.choice == 1


def test_label_mass_never_exceeds_one() -> None:
    assert rating_distribution([0.0, 0.001]).label_mass == 1.0


@pytest.mark.parametrize("logprobs", [[], [math.nan, -1.0], [math.inf, -1.0], [-math.inf, -math.inf]])
def test_unusable_log_probabilities_are_rejected(logprobs: list[float]) -> None:
    with pytest.raises(ValueError, match=r"score|probability"):
        rating_distribution(logprobs)


def test_means_over_orders_average_ratings_not_letters() -> None:
    likes_a = [math.log(0.6), math.log(0.3), math.log(0.1)]
    found = mean_distribution([likes_a, likes_a, likes_a], option_orders(3, 3))
    assert found.probabilities == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert (found.letters, found.order_sensitive) == ((0, 0, 0), True)


def test_a_consistent_model_is_not_order_sensitive() -> None:
    believes = (0.1, 0.7, 0.2)
    orders = option_orders(3, 3)
    found = mean_distribution([[math.log(believes[r]) for r in order] for order in orders], orders)
    assert found.probabilities == pytest.approx(believes)
    assert [order[letter] for order, letter in zip(orders, found.letters, strict=True)] == [1, 1, 1]
    assert not found.order_sensitive


def test_one_order_reports_no_letters() -> None:
    found = mean_distribution([[math.log(0.6), math.log(0.4)]], option_orders(2, 1))
    assert (found.letters, found.order_sensitive) == ((), False)


def test_temperature_changes_the_confidence_only() -> None:
    found = rating_distribution([math.log(0.8), math.log(0.2)])
    assert found.confidence(1.0) == pytest.approx(0.8)
    assert found.confidence(2.0) == pytest.approx(2 / 3)  # sqrt(.8) : sqrt(.2) = 2 : 1
    assert found.confidence(0.5) == pytest.approx(16 / 17)
    assert rating_distribution([0.0, -math.inf]).confidence(3.0) == 1.0
