"""Which submissions go through the model together. Knows sizes only: no text, no token, no loss."""

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

Batch = list[int]


class SubmissionSampler(Sampler[list[int]]):
    """Batches of whole submissions, shuffled anew each epoch; the same for the same seed and epoch.

    `rows[s]`: the data set's row numbers of submission s; `sizes[s]`: its tokens. A batch holds `per_batch`
    submissions, or where `tokens_per_batch` is given as many as fit in that many tokens (a longer one goes alone).
    Every submission is in exactly one batch of exactly one of the `ranks`, and all ranks have equally many batches in
    every one of `epochs` epochs. Iterating gives the batches of `rank`, as row numbers.
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
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        if len(rows) < ranks:
            raise ValueError(f"{len(rows)} submissions cannot be shared by {ranks} processes: use fewer processes")
        self.rows, self.sizes, self.seed, self.rank, self.ranks = rows, sizes, seed, rank, ranks
        self.per_batch, self.tokens_per_batch = per_batch, tokens_per_batch
        self.epoch = 0
        most = max(len(self._packed(epoch)) for epoch in range(epochs if tokens_per_batch else 1))
        self.batches = min(-(-most // ranks) * ranks, len(rows) // ranks * ranks)

    def __len__(self) -> int:
        return self.batches // self.ranks

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.plan(self.epoch)[self.rank :: self.ranks]:
            yield [row for submission in batch for row in self.rows[submission]]

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def plan(self, epoch: int) -> list[Batch]:
        """The batches of all ranks, as numbers of submissions."""
        batches = self._packed(epoch)
        while len(batches) < self.batches:
            largest = max((b for b in batches if len(b) > 1), key=self._tokens)
            place = batches.index(largest)
            batches[place : place + 1] = [largest[: len(largest) // 2], largest[len(largest) // 2 :]]
        while len(batches) > self.batches:
            first, second = sorted(range(len(batches)), key=lambda b: self._tokens(batches[b]))[:2]
            batches[first] += batches[second]
            del batches[second]
        return batches

    def heaviest(self) -> list[int]:
        """The rows of the batch with most tokens in any epoch's order: what memory has to hold."""
        by_size = sorted(range(len(self.rows)), key=self.sizes.__getitem__, reverse=True)
        batch = by_size[: self.per_batch] if self.tokens_per_batch is None else next(self._filled(by_size))
        return [row for submission in batch for row in self.rows[submission]]

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
