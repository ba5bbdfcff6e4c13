"""Option-letter log-probabilities to a distribution over ratings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from serving.scoring.option_orders import Order


@dataclass(frozen=True)
class RatingDistribution:
    """`probabilities`: one per rating, summing to 1. `label_mass` (0 to 1): the share of the vocabulary's probability
    that fell on the option letters.

    If the ratings were shown in several orders, both are means over them, `letters` holds the index of the most
    probable letter under each, and `order_sensitive` is set if those letters are different ratings.
    """

    probabilities: tuple[float, ...]
    label_mass: float
    letters: tuple[int, ...] = ()
    order_sensitive: bool = False

    @property
    def choice(self) -> int:
        """The index of the most probable rating; of equals, the first."""
        return self.probabilities.index(self.share)

    @property
    def share(self) -> float:
        """The probability of the most probable rating."""
        return max(self.probabilities)

    @property
    def tied(self) -> bool:
        """Whether another rating is exactly as probable, which happens in bf16."""
        return self.probabilities.count(self.share) > 1

    def confidence(self, temperature: float = 1.0) -> float:
        """The probability of the choice with all log-probabilities divided by `temperature` (above 0), which keeps
        their order (Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2)."""
        if temperature == 1.0:
            return self.share
        return 1 / math.fsum((p / self.share) ** (1 / temperature) for p in self.probabilities)


def rating_distribution(logprobs: Sequence[float]) -> RatingDistribution:
    """Softmax over the letters' raw log-probabilities (natural logarithm, before any mask).

    A letter at minus infinity has probability 0. Raises ValueError if there are no values, if one is NaN or plus
    infinity, or if all are minus infinity.
    """
    if not logprobs or any(math.isnan(value) or value == math.inf for value in logprobs):
        raise ValueError("the engine's scores are not numbers")
    highest = max(logprobs)
    if highest == -math.inf:
        raise ValueError("the model gave no probability to any option")
    weights = [math.exp(value - highest) for value in logprobs]
    total = sum(weights)
    mass = min(1.0, math.exp(highest) * total)  # rounding may exceed 1
    return RatingDistribution(tuple(weight / total for weight in weights), mass)


def mean_distribution(readings: Sequence[Sequence[float]], orders: Sequence[Order]) -> RatingDistribution:
    """The mean over `orders`, of which the first is the rubric's: `readings[k][i]` is the log-probability of letter i
    under `orders[k]`. Raises ValueError like `rating_distribution`."""
    each = [rating_distribution(logprobs) for logprobs in readings]
    if len(each) == 1:
        return each[0]
    pairs = list(zip(each, orders, strict=True))
    sums = [sum(one.probabilities[order.index(rating)] for one, order in pairs) for rating in range(len(orders[0]))]
    return RatingDistribution(
        probabilities=tuple(value / len(each) for value in sums),
        label_mass=sum(one.label_mass for one in each) / len(each),
        letters=tuple(one.choice for one in each),
        order_sensitive=len({order[one.choice] for one, order in pairs}) > 1,
    )
