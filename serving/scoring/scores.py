"""From the log-probabilities of the option letters to what the model believes. Knows no rating's name and no engine."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from serving.scoring.option_orders import Order


@dataclass(frozen=True)
class RatingDistribution:
    """`probabilities`: one share a rating, summing to 1. `label_mass` (0 to 1): how much of the whole vocabulary's
    probability fell on the letters, that is, how much the model wanted to answer with a letter at all.

    Where the ratings were shown in several orders, both are means over them, `letters` holds the place of the most
    probable letter in each, and `order_sensitive` says whether those were different ratings.
    """

    probabilities: tuple[float, ...]
    label_mass: float
    letters: tuple[int, ...] = ()
    order_sensitive: bool = False

    @property
    def choice(self) -> int:
        """The most probable rating's index; of equals, the first."""
        return self.probabilities.index(self.share)

    @property
    def share(self) -> float:
        """The most probable rating's own."""
        return max(self.probabilities)

    @property
    def tied(self) -> bool:
        """Whether another rating is exactly as probable: in bf16 that happens."""
        return self.probabilities.count(self.share) > 1

    def confidence(self, temperature: float = 1.0) -> float:
        """How probable the choice is with all log-probabilities divided by `temperature` (above 0), which changes no
        order among them (Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2)."""
        if temperature == 1.0:
            return self.share
        return 1 / math.fsum((p / self.share) ** (1 / temperature) for p in self.probabilities)


def belief(logprobs: Sequence[float]) -> RatingDistribution:
    """Softmax over the letters' raw log-probabilities (natural logarithm, unmasked).

    A letter at minus infinity has probability 0. Raises ValueError where nothing can be read from the numbers: none
    at all, one that is not a number or plus infinity, or all of them minus infinity.
    """
    if not logprobs or any(math.isnan(value) or value == math.inf for value in logprobs):
        raise ValueError("the engine's scores are not numbers")
    highest = max(logprobs)
    if highest == -math.inf:
        raise ValueError("the model gave no probability to any option")
    weights = [math.exp(value - highest) for value in logprobs]
    total = sum(weights)
    mass = min(1.0, math.exp(highest) * total)
    return RatingDistribution(tuple(weight / total for weight in weights), mass)


def mean_belief(readings: Sequence[Sequence[float]], orders: Sequence[Order]) -> RatingDistribution:
    """The mean over `orders`, the first of which is the rubric's: `readings[k][i]` is the log-probability of letter i
    under `orders[k]`. Raises ValueError as `belief`."""
    beliefs = [belief(logprobs) for logprobs in readings]
    if len(beliefs) == 1:
        return beliefs[0]
    pairs = list(zip(beliefs, orders, strict=True))
    shares = [sum(b.probabilities[order.index(r)] for b, order in pairs) for r in range(len(orders[0]))]
    return RatingDistribution(
        probabilities=tuple(share / len(beliefs) for share in shares),
        label_mass=sum(b.label_mass for b in beliefs) / len(beliefs),
        letters=tuple(b.choice for b in beliefs),
        order_sensitive=len({order[b.choice] for b, order in pairs}) > 1,
    )
