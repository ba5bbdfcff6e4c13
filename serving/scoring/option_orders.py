"""The orders in which a criterion's ratings are shown to the model, so that no rating gains from its position."""

from collections.abc import Iterator
from itertools import islice, permutations

Order = tuple[int, ...]
"""The rating (its index in the rubric) that each letter stands for."""


def option_orders(ratings: int, orders: int) -> tuple[Order, ...]:
    """The first `orders` orders of `ratings` ratings, the rubric's own first; all of them if there are fewer.

    Every `ratings` consecutive orders form a Latin square: each rating is at each letter once. So every multiple of
    `ratings` is balanced.
    """
    return tuple(islice(_cycles(ratings), orders))


def balanced(ratings: int, orders: int) -> bool:
    """Whether each rating is at each letter equally often over `orders` orders."""
    return orders % ratings == 0


def _cycles(ratings: int) -> Iterator[Order]:
    for rest in permutations(range(1, ratings)):
        first = (0, *rest)
        for shift in range(ratings):
            yield first[shift:] + first[:shift]
