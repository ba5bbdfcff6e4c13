"""In which orders a criterion's ratings are shown to the model, so that no rating gains by its place. Knows no text."""

from collections.abc import Iterator
from itertools import islice, permutations

Order = tuple[int, ...]
"""The rating (its index in the rubric) that each letter stands for."""


def option_orders(ratings: int, orders: int) -> tuple[Order, ...]:
    """The first `orders` of all orders of `ratings` ratings, the rubric's own first; all of them where there are fewer.

    They come as whole cycles: over the first `ratings` of them, and over every further `ratings`, each rating stands
    once at each letter (a Latin square), and so every multiple of `ratings` is balanced.
    """
    return tuple(islice(_cycles(ratings), orders))


def balanced(ratings: int, orders: int) -> bool:
    """Whether each rating stands at each letter equally often over `orders` orders."""
    return orders % ratings == 0


def _cycles(ratings: int) -> Iterator[Order]:
    for rest in permutations(range(1, ratings)):
        first = (0, *rest)
        for shift in range(ratings):
            yield first[shift:] + first[:shift]
