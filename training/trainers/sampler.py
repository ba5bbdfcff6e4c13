"""Which submissions go through the model together. Knows sizes only: no text, no token, no loss."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

Batch = list[int]


class SubmissionSampler(Sampler[list[int]]):
    """Batches of whole submissions, shuffled anew each epoch; the same for the same seed and epoch.

    `rows[s]`: the data set's row numbers of submission s; `sizes[s]`: its tokens. A batch holds `per_batch`
    submissions, or where `tokens_per_batch` is given as many as fit in that many tokens (a longer one goes alone); past
    `epochs` epochs their orders come again. `per_step` batches make an optimiser step, whatever the number of `ranks`:
    they take turns, and one for which a step's last round has no batch left gets an empty one. So every submission is
    in exactly one batch of one rank, and all ranks take equally many batches and steps. Iterating gives the batches of
    `rank`, as row numbers.
    """

    batch_size = 1
    """Accelerate asks for it, to cut duplicates that padding made; there are none here."""

    def __init__(
        self,
        rows: Sequence[Sequence[int]],
        sizes: Sequence[int],
        *,
        per_batch: int,
        tokens_per_batch: int | None = None,
        seed: int = 0,
        epochs: int = 1,
        per_step: int = 1,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self.rows, self.sizes, self.seed, self.rank, self.ranks = rows, sizes, seed, rank, ranks
        self.per_batch, self.tokens_per_batch, self.per_step = per_batch, tokens_per_batch, per_step
        self.epoch, self.epochs = 0, epochs if tokens_per_batch else None
        self.batches = max(len(self._packed(epoch)) for epoch in range(self.epochs or 1))

    def __len__(self) -> int:
        steps, rest = divmod(self.batches, self.per_step)
        return steps * math.ceil(self.per_step / self.ranks) + math.ceil(rest / self.ranks)

    def __iter__(self) -> Iterator[list[int]]:
        batches = self.plan(self.epoch)
        for start in range(0, len(batches), self.per_step):
            step = batches[start : start + self.per_step]
            for turn in range(self.rank, math.ceil(len(step) / self.ranks) * self.ranks, self.ranks):
                yield [row for submission in (step[turn] if turn < len(step) else ()) for row in self.rows[submission]]

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def plan(self, epoch: int) -> list[Batch]:
        """The batches of all ranks, as numbers of submissions; equally many in every epoch."""
        batches = self._packed(epoch % self.epochs if self.epochs else epoch)
        while len(batches) < self.batches:
            largest = max((b for b in batches if len(b) > 1), key=self._tokens)
            place = batches.index(largest)
            batches[place : place + 1] = [largest[: len(largest) // 2], largest[len(largest) // 2 :]]
        return batches

    def heaviest(self) -> list[int]:
        """The rows of the batch with most tokens in any epoch's order: what memory has to hold."""
        by_size = sorted(range(len(self.rows)), key=self.sizes.__getitem__, reverse=True)
        batch = by_size[: self.per_batch] if self.tokens_per_batch is None else next(self._filled(by_size))
        return [row for submission in batch for row in self.rows[submission]]

    def lightest(self) -> list[int]:
        """The rows of the shortest submission."""
        return list(self.rows[min(range(len(self.rows)), key=self.sizes.__getitem__)])

    def _packed(self, epoch: int) -> list[Batch]:
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.rows)).tolist()
        if self.tokens_per_batch is None:
            return [order[at : at + self.per_batch] for at in range(0, len(order), self.per_batch)]
        return list(self._filled(order))

    def _filled(self, order: Sequence[int]) -> Iterator[Batch]:
        """`order` cut where the next submission would not fit any more."""
        batch: Batch = []
        for submission in order:
            if batch and self._tokens([*batch, submission]) > (self.tokens_per_batch or 0):
                yield batch
                batch = []
            batch.append(submission)
        yield batch

    def _tokens(self, batch: Batch) -> int:
        return sum(map(self.sizes.__getitem__, batch))


def epochs_needed(
    sizes: Sequence[int], tokens_per_batch: int | None, per_step: int, epochs: float, max_steps: int | None
) -> int:
    """Epochs that a stage of `epochs`, or of `max_steps` optimiser steps, begins; with `tokens_per_batch` perhaps a few
    more, for how many batches an order fills is not known before."""
    if not max_steps:
        return math.ceil(epochs)
    batches = (
        math.ceil(sum(min(size, tokens_per_batch) for size in sizes) / tokens_per_batch) if tokens_per_batch else 1
    )
    return math.ceil(max_steps / math.ceil(batches / per_step))
