"""An engine whose work is counted: how many prompts and tokens it was asked to read. Knows no price and no clock."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from serving.engines.engine import Engine, EngineFailure, LabelScores, ScoreRequest

Tokens = tuple[int, ...]


class MeteredEngine:
    """Passes all on to `inner`. `prompt_tokens` counts whole prompts, `read_tokens` what need be computed of them."""

    def __init__(self, inner: Engine) -> None:
        self.inner, self.name, self.version = inner, inner.name, inner.version
        self.context_length = inner.context_length
        self.questions = self.prompt_tokens = self.read_tokens = 0

    def score(self, requests: Sequence[ScoreRequest]) -> list[LabelScores | EngineFailure]:
        self._count([request.prompt for request in requests])
        return self.inner.score(requests)

    def write(self, prompts: Sequence[Tokens], max_tokens: int, stop: str, form: str) -> list[str | EngineFailure]:
        self._count(prompts)
        return self.inner.write(prompts, max_tokens, stop, form)

    def close(self) -> None:
        self.inner.close()

    def _count(self, prompts: Sequence[Tokens]) -> None:
        self.questions += len(prompts)
        self.prompt_tokens += sum(map(len, prompts))
        self.read_tokens += read_tokens(prompts)


def read_tokens(prompts: Iterable[Tokens]) -> int:
    """Tokens of `prompts`, without the beginning that each has in common with the one before it."""
    return sum(len(prompt) - shared_prefix(before, prompt) for before, prompt in pairwise([(), *prompts]))


def shared_prefix(first: Tokens, second: Tokens) -> int:
    """How many tokens two prompts begin with alike."""
    pairs = zip(first, second, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))
