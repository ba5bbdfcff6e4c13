"""Collators: pack the token trees of a few submissions into one row, with what the trainers predict from it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from training.dataset.examples import TrainingExample
from training.trainers.token_trees import TokenTree, build_token_tree

IGNORED = -100


class PreferenceCollator:
    """The preference pairs of whole submissions, in the layout of trl's DPO collator.

    Takes rows with the numbers `submission` and `pair`. For P pairs returns `input_ids`, `attention_mask` and
    `completion_mask` (2P, R): the chosen answers, then the rejected ones, each row the last prompt token and the
    answer; also the packed trees (`pack`) and `tree_index` (2P, R), the position in the packed row of each token.
    """

    def __init__(self, examples: Sequence[TrainingExample], pad_token_id: int) -> None:
        self.pad_token_id = pad_token_id
        self.trees = [
            build_token_tree(e.shared, [(c.prompt, (c.chosen, *c.rejected)) for c in e.criteria]) for e in examples
        ]
        self.answers = [[(c.chosen, *c.rejected) for c in e.criteria] for e in examples]
        self.pairs = [
            [(number, rejected + 1) for number, c in enumerate(e.criteria) for rejected in range(len(c.rejected))]
            for e in examples
        ]

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        submissions = list(dict.fromkeys(row["submission"] for row in rows))
        trees = [self.trees[s] for s in submissions]
        offsets = dict(zip(submissions, _offsets(trees), strict=True))
        tokens, positions = [], []
        for side in (0, 1):
            for row in rows:
                s = row["submission"]
                criterion, rejected = self.pairs[s][row["pair"]]
                answer = rejected * side
                tail = self.trees[s].tails[criterion][answer]
                tokens.append([int(self.trees[s].tokens[tail[0]]), *self.answers[s][criterion][answer]])
                positions.append([offsets[s] + position for position in tail])
        width = max(map(len, tokens))
        lengths = torch.tensor([[len(row)] for row in tokens])
        attended = (torch.arange(width) < lengths).long()
        return {
            "input_ids": _padded(tokens, width, self.pad_token_id),
            "attention_mask": attended,
            "completion_mask": attended * (torch.arange(width) > 0),
            "tree_index": _padded(positions, width, 0),
            **pack(trees, submissions),
        }


class VerdictCollator:
    """The chosen answers of whole submissions, for SFT.

    Takes rows with the number `submission`. For M predicted tokens returns `labels` (1, M), the answer tokens and then
    the shared ones, `is_answer` (1, M), `tree_index` (1, M) and the packed trees. `letters_only`: only each answer's
    first token is predicted. `with_shared`: the shared tokens are predicted too, except each submission's first one.
    """

    def __init__(self, examples: Sequence[TrainingExample], *, letters_only: bool, with_shared: bool) -> None:
        self.with_shared = with_shared
        self.answers = [[c.chosen[: 1 if letters_only else None] for c in e.criteria] for e in examples]
        self.trees = [
            build_token_tree(e.shared, [(c.prompt, [answer]) for c, answer in zip(e.criteria, answers, strict=True)])
            for e, answers in zip(examples, self.answers, strict=True)
        ]
        self.shared = [len(e.shared) for e in examples]

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        trees = [self.trees[row["submission"]] for row in rows]
        labels: list[int] = []
        positions: list[int] = []
        for row, tree, offset in zip(rows, trees, _offsets(trees), strict=True):
            for answer, (tail,) in zip(self.answers[row["submission"]], tree.tails, strict=True):
                labels.extend(answer)
                positions.extend(offset + position for position in tail)
        answer_tokens = len(labels)
        if self.with_shared:
            for row, tree, offset in zip(rows, trees, _offsets(trees), strict=True):
                shared = self.shared[row["submission"]]
                labels.extend(tree.tokens[1:shared].tolist())
                positions.extend(range(offset, offset + shared - 1))
        return {
            "labels": torch.tensor([labels]),
            "is_answer": torch.arange(len(labels))[None] < answer_tokens,
            "tree_index": torch.tensor([positions]),
            **pack(trees, [row["submission"] for row in rows]),
        }


def pack(trees: Sequence[TokenTree], submissions: Sequence[int]) -> dict[str, torch.Tensor]:
    """Concatenates the trees of `submissions` into one row of N tokens: `tree_ids`, `tree_depths`, `tree_ends` (N,),
    `tree_spans` (S, 4), `tree_submissions` and `tree_sizes` (one for each tree) as in `TreeLayout`. Tokens of different
    trees do not attend to each other."""
    spans, ends = [], []
    for tree, offset in zip(trees, _offsets(trees), strict=True):
        trunk = (offset, offset + tree.trunk)
        spans.extend([(*trunk, offset, offset)] if tree.trunk else [])
        spans.extend((offset + start, offset + end, *trunk) for start, end in tree.branches)
        ends.append(tree.ends + offset)
    return {
        "tree_ids": torch.from_numpy(np.concatenate([tree.tokens for tree in trees])),
        "tree_depths": torch.from_numpy(np.concatenate([tree.depths for tree in trees])),
        "tree_ends": torch.from_numpy(np.concatenate(ends)),
        "tree_spans": torch.tensor(spans),
        "tree_submissions": torch.tensor(submissions),
        "tree_sizes": torch.tensor([len(tree) for tree in trees]),
    }


def _offsets(trees: Sequence[TokenTree]) -> list[int]:
    return np.cumsum([0, *map(len, trees)])[:-1].tolist()  # type: ignore[no-any-return]


def _padded(rows: Sequence[Sequence[int]], width: int, filler: int) -> torch.Tensor:
    return torch.tensor([[*row, *[filler] * (width - len(row))] for row in rows])
