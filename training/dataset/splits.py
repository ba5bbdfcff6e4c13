"""Decides which submissions are trained on and which are held out for testing (docs/guide/datasets.md).

All submissions of the eval labs are held out. Students are assigned to one side with all their submissions. A training
submission that is a near-copy of a held-out one is set aside: it is in neither file. Soft labels do not change the side
of a rated submission.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from labs_schema.grouping import grouped_by
from labs_schema.near_copies.sketches import Index, Sketches
from labs_schema.student_ids import local_part, student_clusters
from training.dataset.spool import Block


class Side(StrEnum):
    TRAIN = "train"
    DEV = "dev"
    TEST = "test"
    SET_ASIDE = "set_aside"
    SOFT = "soft"
    LEFT_OUT = "left_out"


class RatedSubmission(NamedTuple):
    """A submission with a TA's rating, or else with a teacher's labels (`soft`), and the position of its rows. The i-th
    one is the i-th of the `Sketches`.

    `program`: its `program_key`. `attacked`: the rows of its attacked copy, if it has one; they are only trained on.
    `members`: the students of group work, empty for a single student.
    """

    lab: str
    student: str
    block: Block
    program: str = ""
    attacked: Block | None = None
    members: tuple[str, ...] = ()
    soft: bool = False

    @property
    def students(self) -> tuple[str, ...]:
        return (self.student, *self.members)

    def blocks(self, side: Side) -> list[Block]:
        """The rows to write into the file of its side."""
        return [self.block, self.attacked] if side is Side.TRAIN and self.attacked else [self.block]


def seeded_order(seed: int, *names: str) -> bytes:
    """A sort key that depends only on the seed and the names, not on the machine or the order of folders."""
    return hashlib.sha256("\0".join((str(seed), *names)).encode(errors="surrogatepass")).digest()


def training_students(
    students: Iterable[str], share: float, seed: int, groups: Sequence[Sequence[str]] = ()
) -> set[str]:
    """A seeded choice of `share` (0 to 1) of the students. Those who share a group are chosen together."""
    chosen: set[str] = set()
    cluster_of = student_clusters(students, groups)
    clusters = grouped_by(cluster_of, cluster_of.__getitem__)
    wanted = round(share * len(cluster_of))
    for cluster in sorted(clusters, key=lambda each: seeded_order(seed, each)):
        if len(chosen) < wanted:
            chosen.update(clusters[cluster])
    return chosen


def split(
    submissions: Sequence[RatedSubmission],
    sketches: Sketches,
    *,
    eval_labs: Collection[str],
    train_split: float,
    seed: int,
    dev_split: float = 0.0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[RatedSubmission, Side]:
    """The side of each submission.

    Outside the eval labs no student or member of a group is on two sides. No near-copy of a test submission is used for
    training or validation, and no near-copy of a validation submission is trained on. `dev_split`: the share of the
    training students whose work is for validation. Soft labels are only used outside the eval labs, for students who
    are neither tested nor validated on, and for programs that are not near-copies of theirs.
    """
    rated = np.array([not one.soft for one in submissions], bool)
    own = [one for one in submissions if one.lab not in eval_labs and not one.soft]
    groups = [one.members for one in own if one.members]
    students = training_students((one.student for one in own), train_split, seed, groups)
    train = rated & np.array([one.lab not in eval_labs and one.student in students for one in submissions], bool)
    test = rated & ~train
    copies = sketches.near_copies(np.flatnonzero(train), np.flatnonzero(test), progress)
    sides = {
        one: Side.TRAIN if trained else Side.TEST for one, trained in zip(submissions, train.tolist(), strict=True)
    }
    # Another order than that of the training students.
    dev_students = training_students(students, dev_split, seed + 1, groups) & students
    dev = train & np.array([one.student in dev_students for one in submissions], bool)
    dev[list(copies)] = False
    sides |= {submissions[number]: Side.DEV for number in np.flatnonzero(dev)}
    copies |= sketches.near_copies(np.flatnonzero(train & ~dev), np.flatnonzero(dev), progress)
    sides |= {submissions[number]: Side.SET_ASIDE for number in copies}
    held_out = {student for one in own for student in one.students} - (students - dev_students)
    soft = _usable(submissions, eval_labs, held_out)
    soft = np.setdiff1d(soft, list(sketches.near_copies(soft, np.flatnonzero(test | dev))))
    sides |= {submissions[number]: Side.LEFT_OUT for number in np.flatnonzero(~rated)}
    return sides | {submissions[number]: Side.SOFT for number in soft}


def _usable(submissions: Sequence[RatedSubmission], eval_labs: Collection[str], held_out: Collection[str]) -> Index:
    """The numbers of the soft-labelled submissions outside the eval labs, without those of `held_out` students."""
    ids = {local_part(student) for student in held_out}
    return np.array(
        [
            number
            for number, one in enumerate(submissions)
            if one.soft and one.lab not in eval_labs and ids.isdisjoint(map(local_part, one.students))
        ],
        np.int64,
    )
