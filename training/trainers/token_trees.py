"""Token trees: all sequences of a submission as one trie, so that shared tokens are computed once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TokenIds = Sequence[int]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class TokenTree:
    """A trie of N tokens in depth-first order: token i attends to token j if and only if `j <= i < ends[j]`.

    `tokens`, `depths`, `ends`: (N,). A token's depth is its position id; `ends[j]` is one past the last token below j.
    `trunk`: the number of leading tokens common to all sequences. `branches`: the (start, end) of each subtree at the
    trunk's end; together they cover all other tokens. `tails[c][a]`: for answer a of criterion c, the positions whose
    hidden states predict its tokens, as many as the answer has tokens.
    """

    tokens: IntArray
    depths: IntArray
    ends: IntArray
    trunk: int
    branches: tuple[tuple[int, int], ...]
    tails: tuple[tuple[tuple[int, ...], ...], ...]

    def __len__(self) -> int:
        return len(self.tokens)


def build_token_tree(shared: TokenIds, criteria: Sequence[tuple[TokenIds, Sequence[TokenIds]]]) -> TokenTree:
    """The trie of `shared` + prompt + answer for each answer of each (prompt, answers) in `criteria`.

    An answer's last token is not in the tree: nothing is predicted from it. Raises ValueError for an empty prompt or
    answer.
    """
    trie = _Trie()
    trunk = trie.grow((), shared)
    paths = []
    for prompt, answers in criteria:
        stem = trie.grow(trunk[-1:], prompt)
        end = (stem or trunk)[-1:]
        if not end or not all(answers):
            raise ValueError("a tree needs at least one prompt token and one token of each answer")
        paths.append([(*end, *trie.grow(end, answer[:-1])) for answer in answers])
    return trie.serialise(paths)


class _Trie:
    """Nodes in order of creation; node 0 is a root without a token."""

    def __init__(self) -> None:
        self.tokens, self.depths = [-1], [-1]
        self.children: list[dict[int, int]] = [{}]

    def grow(self, after: Sequence[int], ids: TokenIds) -> tuple[int, ...]:
        """The nodes of `ids` below the node in `after` (empty: the root), created if missing."""
        node, path = (after[0] if after else 0), []
        for token in ids:
            below = self.children[node].get(token)
            if below is None:
                below = self.children[node][token] = len(self.tokens)
                self.tokens.append(token)
                self.depths.append(self.depths[node] + 1)
                self.children.append({})
            path.append(node := below)
        return tuple(path)

    def serialise(self, paths: Sequence[Sequence[Sequence[int]]]) -> TokenTree:
        order, ends = self._depth_first()
        position = np.empty(len(self.tokens), np.int64)
        position[order] = np.arange(len(order)) - 1  # the root gets -1
        nodes = order[1:]
        node, trunk = 0, 0
        while len(self.children[node]) == 1:
            (node,) = self.children[node].values()
            trunk += 1
        return TokenTree(
            tokens=np.array(self.tokens, np.int64)[nodes],
            depths=np.array(self.depths, np.int64)[nodes],
            ends=ends[nodes],
            trunk=trunk,
            branches=tuple((int(position[child]), int(ends[child])) for child in self.children[node].values()),
            tails=tuple(tuple(tuple(position[list(path)].tolist()) for path in answers) for answers in paths),
        )

    def _depth_first(self) -> tuple[IntArray, IntArray]:
        """The nodes in depth-first order, and for each node the position one past its subtree (the root is at -1)."""
        order: list[int] = []
        ends, stack = np.empty(len(self.tokens), np.int64), [0]
        while stack:
            node = stack.pop()
            if node < 0:
                ends[~node] = len(order) - 1
                continue
            order.append(node)
            stack.append(~node)
            stack.extend(reversed(self.children[node].values()))
        return np.array(order, np.int64), ends
