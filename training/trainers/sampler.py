"""Batches of whole submissions, the same for any number of processes."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Sampler

Batch = list[int]


@dataclass(frozen=True)
class BatchPlan:
    """A batch has `per_batch` submissions, or as many as fit in `tokens_per_batch` tokens (a longer one is a batch of
    its own). `per_step` batches form an optimiser step. With `tokens_per_batch`, orders repeat after `epochs`."""

    per_batch: int
    tokens_per_batch: int | None = None
    seed: int = 0
    epochs: int = 1
    per_step: int = 1


class SubmissionSampler(Sampler[list[int]]):
    """Batches of whole submissions, shuffled in each epoch, deterministic in seed and epoch.

    `rows[s]`: the dataset's row numbers of submission s; `sizes[s]`: its tokens. The `ranks` take the batches of a
    step in turn; a rank without a batch in the last round of a step gets an empty one. So every submission is in
    exactly one batch of one rank, and all ranks have the same number of batches and steps. Iterating gives the batches
    of `rank`, as row numbers.
    """

    batch_size = 1
    """accelerate reads it to remove duplicates from padding, which do not occur here."""

    def __init__(
        self, rows: Sequence[Sequence[int]], sizes: Sequence[int], plan: BatchPlan, *, rank: int = 0, ranks: int = 1
    ) -> None:
        self.rows, self.sizes, self.plan, self.rank, self.ranks = rows, sizes, plan, rank, ranks
        self.epoch, self.epochs = 0, plan.epochs if plan.tokens_per_batch else None
        self.batches = max(len(self._packed(epoch)) for epoch in range(self.epochs or 1))

    def __len__(self) -> int:
        steps, rest = divmod(self.batches, self.plan.per_step)
        return steps * math.ceil(self.plan.per_step / self.ranks) + math.ceil(rest / self.ranks)

    def __iter__(self) -> Iterator[list[int]]:
        batches = self.epoch_batches(self.epoch)
        for start in range(0, len(batches), self.plan.per_step):
            step = batches[start : start + self.plan.per_step]
            for turn in range(self.rank, math.ceil(len(step) / self.ranks) * self.ranks, self.ranks):
                yield [row for submission in (step[turn] if turn < len(step) else ()) for row in self.rows[submission]]

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def epoch_batches(self, epoch: int) -> list[Batch]:
        """The batches of all ranks, as submission numbers; the same count in every epoch."""
        batches = self._packed(epoch % self.epochs if self.epochs else epoch)
        while len(batches) < self.batches:
            largest = max((b for b in batches if len(b) > 1), key=self._tokens)
            place = batches.index(largest)
            batches[place : place + 1] = [largest[: len(largest) // 2], largest[len(largest) // 2 :]]
        return batches

    def largest(self) -> list[int]:
        """The rows of the batch with most tokens in any order: an upper bound for memory."""
        by_size = sorted(range(len(self.rows)), key=self.sizes.__getitem__, reverse=True)
        batch = by_size[: self.plan.per_batch] if self.plan.tokens_per_batch is None else next(self._filled(by_size))
        return [row for submission in batch for row in self.rows[submission]]

    def shortest(self) -> list[int]:
        """The rows of the shortest submission."""
        return list(self.rows[min(range(len(self.rows)), key=self.sizes.__getitem__)])

    def _packed(self, epoch: int) -> list[Batch]:
        order = np.random.default_rng((self.plan.seed, epoch)).permutation(len(self.rows)).tolist()
        size = self.plan.per_batch
        if self.plan.tokens_per_batch is None:
            return [order[at : at + size] for at in range(0, len(order), size)]
        return list(self._filled(order))

    def _filled(self, order: Sequence[int]) -> Iterator[Batch]:
        """`order`, cut where the next submission would exceed the token limit."""
        batch: Batch = []
        for submission in order:
            if batch and self._tokens([*batch, submission]) > (self.plan.tokens_per_batch or 0):
                yield batch
                batch = []
            batch.append(submission)
        yield batch

    def _tokens(self, batch: Batch) -> int:
        return sum(map(self.sizes.__getitem__, batch))


def epochs_needed(
    sizes: Sequence[int], tokens_per_batch: int | None, per_step: int, epochs: float, max_steps: int | None
) -> int:
    """The epochs that a stage of `epochs`, or of `max_steps` optimiser steps, starts. With `tokens_per_batch` an upper
    bound, because the number of batches depends on the order."""
    if not max_steps:
        return math.ceil(epochs)
    batches = (
        math.ceil(sum(min(size, tokens_per_batch) for size in sizes) / tokens_per_batch) if tokens_per_batch else 1
    )
    return math.ceil(max_steps / math.ceil(batches / per_step))
