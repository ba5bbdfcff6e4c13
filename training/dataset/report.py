"""What became of each lab, told to a person and kept in the manifest. Knows no text and no files."""

from collections.abc import Sequence

from labs_schema.frozen import Frozen
from labs_schema.hashes import submission_key
from training.dataset.collected_labs import CollectedLab
from training.dataset.rows import Augmentation, LabSplit
from training.dataset.splits import Side, Work


class LabReport(Frozen):
    """`submissions` counts all of a lab, `train`, `test` and `set_aside` the rated, `rows` what both files hold.

    `unrated` counts the criteria without a rating of the submissions that have one; `warnings` counts issues by code.
    """

    lab: str
    submissions: int
    train: int
    test: int
    set_aside: int
    rows: int
    unrated: int
    warnings: dict[str, int]


def lab_report(lab: CollectedLab, sides: dict[Work, Side]) -> LabReport:
    on = {side: [work for work in lab.works if sides[work] is side] for side in Side}
    return LabReport(
        lab=lab.name,
        submissions=lab.submissions,
        train=len(on[Side.TRAIN]),
        test=len(on[Side.TEST]),
        set_aside=len(on[Side.SET_ASIDE]),
        rows=sum(block.rows for side in (Side.TRAIN, Side.TEST) for work in on[side] for block in work.blocks(side)),
        unrated=lab.unrated,
        warnings=lab.warnings,
    )


def attacked_share(share: float, labs: Sequence[CollectedLab], sides: dict[Work, Side]) -> Augmentation | None:
    """How many submissions of each lab also appear attacked; None where none was to."""
    if not share:
        return None
    copies = {lab.name: sum(len(work.blocks(sides[work])) == 2 for work in lab.works) for lab in labs}
    return Augmentation(share=share, copies=copies)


def lab_split(lab: CollectedLab, sides: dict[Work, Side]) -> LabSplit:
    """The pseudonyms of a lab's rated submissions by side, sorted, so that their order tells nothing of the ids."""

    def on(side: Side) -> tuple[str, ...]:
        return tuple(sorted(submission_key(work.lab, work.student) for work in lab.works if sides[work] is side))

    return LabSplit(train=on(Side.TRAIN), test=on(Side.TEST), set_aside=on(Side.SET_ASIDE))
