"""Shared prompt prefixes: how long they are, which prompts have one, how many tokens remain to compute."""

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

from serving.engines.engine import Engine, EngineFailure, LabelScores, ScoreRequest

Tokens = tuple[int, ...]


def common_prefix_length(prompts: Sequence[Tokens]) -> int:
    """The number of leading tokens that all prompts have in common."""
    # In sorted order every prompt is between the first and the last, so their common prefix is that of all.
    low, high = min(prompts), max(prompts)
    return next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))


def group_by_prefix(prompts: Sequence[Tokens], prefixes: Sequence[int] = ()) -> list[list[int]]:
    """Positions of `prompts` in runs of neighbours with one prefix, such as the criteria of one submission.

    `prefixes` holds the prefix lengths where all are known (none is 0). Otherwise they are guessed: the first two of a
    run share at least half of the first prompt; each further one shares with it nine tenths of what those two share,
    so that the next submission, which only shares the problem statement, starts a run of its own.
    """
    if prefixes and all(prefixes):
        return [list(run) for _, run in groupby(range(len(prompts)), lambda i: prompts[i][: prefixes[i]])]
    groups: list[list[int]] = []
    required = 0.0
    for i, prompt in enumerate(prompts):
        shared = common_prefix_length([prompts[groups[-1][0]], prompt]) if groups else 0
        if groups and shared >= required:
            if len(groups[-1]) == 1:
                required = 0.9 * shared
            groups[-1].append(i)
        else:
            groups.append([i])
            required = len(prompt) / 2
    return groups


def count_uncached_tokens(prompts: Iterable[Tokens]) -> int:
    """Tokens of `prompts` without the prefix that each shares with the prompt before it."""
    return sum(len(prompt) - common_prefix_length((before, prompt)) for before, prompt in pairwise([(), *prompts]))


class MeteredEngine:
    """Forwards all calls to `inner` and counts prompts, their tokens, and those of them without a cached prefix."""

    def __init__(self, inner: Engine) -> None:
        self.inner, self.name, self.version = inner, inner.name, inner.version
        self.context_length = inner.context_length
        self.questions = self.prompt_tokens = self.uncached_tokens = 0

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
        self.uncached_tokens += count_uncached_tokens(prompts)
