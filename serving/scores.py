"""From the log-probabilities of the option letters to what the model believes. Knows no rating and no engine."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Belief:
    """`probabilities`: one share a letter, summing to 1. `label_mass` (0 to 1): how much of the whole vocabulary's
    probability fell on the letters, that is, how much the model wanted to answer with a letter at all."""

    probabilities: tuple[float, ...]
    label_mass: float

    @property
    def choice(self) -> int:
        """The most probable letter's position; of equals, the first."""
        return self.probabilities.index(self.confidence)

    @property
    def confidence(self) -> float:
        return max(self.probabilities)

    @property
    def tied(self) -> bool:
        """Whether another letter is exactly as probable: in bf16 that happens."""
        return self.probabilities.count(self.confidence) > 1


def belief(logprobs: Sequence[float]) -> Belief:
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
    return Belief(tuple(weight / total for weight in weights), mass)
