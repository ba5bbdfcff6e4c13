"""Which submissions are trained on and which are kept for evaluation. Knows no text.

The rule (docs/guide/datasets.md): eval labs are kept whole; students are dealt to the two sides, each with all their
work; a submission on the training side that is a near-copy of one that is kept is set aside, in neither file.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from training.dataset.near_copies import Sketches
from training.dataset.spool import Block


class Side(StrEnum):
    TRAIN = "train"
    TEST = "test"
    SET_ASIDE = "set_aside"


class Work(NamedTuple):
    """A submission with a TA's rating, and where its rows lie. The i-th work is the i-th of the `Sketches`.

    `program` is its `program_key`. `attacked`: the rows of its attacked copy, where it has one. They are on its side,
    and only trained on.
    """

    lab: str
    student: str
    block: Block
    program: str = ""
    attacked: Block | None = None

    def blocks(self, side: Side) -> list[Block]:
        """What is written of it into the file of its side."""
        return [self.block, self.attacked] if side is Side.TRAIN and self.attacked else [self.block]


def seeded_order(seed: int, *names: str) -> bytes:
    """A key to sort by: an order that only the seed and the names decide, not the machine or the folders' order."""
    return hashlib.sha256("\0".join((str(seed), *names)).encode(errors="surrogatepass")).digest()


def training_students(students: Iterable[str], share: float, seed: int) -> set[str]:
    """A seeded choice of `share` (0 to 1) of the students."""
    dealt = sorted(set(students), key=lambda student: seeded_order(seed, student))
    return set(dealt[: round(share * len(dealt))])


def split(
    works: Sequence[Work],
    sketches: Sketches,
    *,
    eval_labs: Collection[str],
    train_split: float,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> dict[Work, Side]:
    """A side for each of `works`.

    Outside the eval labs no student is on two sides, and no near-copy of anything on the test side is trained on.
    """
    chosen = training_students((work.student for work in works if work.lab not in eval_labs), train_split, seed)
    train = np.array([work.lab not in eval_labs and work.student in chosen for work in works], bool)
    copies = sketches.near_copies(np.flatnonzero(train), np.flatnonzero(~train), progress)
    sides = {work: Side.TRAIN if trained else Side.TEST for work, trained in zip(works, train.tolist(), strict=True)}
    return sides | {works[number]: Side.SET_ASIDE for number in copies}
