"""Which prompts were written to be read together: runs of neighbours that share a long prefix. Knows token ids only."""

from collections.abc import Sequence
from itertools import groupby


def neighbours(prompts: Sequence[tuple[int, ...]], prefixes: Sequence[int] = ()) -> list[list[int]]:
    """Positions of `prompts` in runs of neighbours with one prefix, such as the criteria of one submission.

    `prefixes`: how long those are, where that is known (none is 0). Else it is guessed: the first two of a run share at
    least half of the first; the others share with it nine tenths of what those two do, so that the next submission,
    which shares the problem alone, begins a run of its own.
    """
    if prefixes and all(prefixes):
        return [list(run) for _, run in groupby(range(len(prompts)), lambda i: prompts[i][: prefixes[i]])]
    groups: list[list[int]] = []
    least = 0.0
    for i, prompt in enumerate(prompts):
        shared = shared_length([prompts[groups[-1][0]], prompt]) if groups else 0
        if groups and shared >= least:
            if len(groups[-1]) == 1:
                least = 0.9 * shared
            groups[-1].append(i)
        else:
            groups.append([i])
            least = len(prompt) / 2
    return groups


def shared_length(prompts: Sequence[tuple[int, ...]]) -> int:
    """How many first tokens all prompts have in common: those of the lowest and of the highest."""
    low, high = min(prompts), max(prompts)
    return next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
