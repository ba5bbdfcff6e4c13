from collections import Counter

import pytest

from serving.scoring.option_orders import balanced, option_orders


def test_the_rubric_s_own_order_comes_first() -> None:
    assert option_orders(4, 1) == ((0, 1, 2, 3),)


@pytest.mark.parametrize("ratings", [2, 3, 4, 5])
def test_each_rating_is_at_each_letter_equally_often(ratings: int) -> None:
    for cycles in (1, 2):
        orders = option_orders(ratings, cycles * ratings)
        assert balanced(ratings, len(orders))
        for letter in range(ratings):
            assert len(set(Counter(order[letter] for order in orders).values())) == 1


def test_orders_are_distinct_and_limited_by_their_number() -> None:
    assert len(set(option_orders(3, 100))) == len(option_orders(3, 100)) == 6
    assert len(option_orders(2, 3)) == 2


def test_two_orders_of_three_ratings_are_not_balanced() -> None:
    assert not balanced(3, 2)


def test_the_first_orders_of_26_ratings_are_fast() -> None:
    assert len(option_orders(26, 60)) == 60
