"""Reads all labs once: their rows and shingles go to disk, and a summary of each lab stays in memory."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from labs_schema.errors import InputError, Issue, Severity, raise_errors
from labs_schema.frozen import Frozen
from labs_schema.hashes import program_key, submission_key
from labs_schema.models import Lab, Submission
from labs_schema.near_copies.sketches import Sketches
from labs_schema.reading.validate import read_lab
from training.dataset.manifest import Augmentation, LabSplit, Teacher, folder_hash
from training.dataset.pairs import PromptOptions, RatedPrompt
from training.dataset.row_formats import RowFormat, json_lines
from training.dataset.soft_labels import read_labels, soft_lines
from training.dataset.splits import RatedSubmission, Side
from training.dataset.spool import Spool

Sides = dict[RatedSubmission, Side]
RatedPrompts = Callable[[Lab], Iterable[tuple[Submission, list[RatedPrompt]]]]
"""Every rated submission of a lab, with a prompt for each rated criterion."""


class CollectedLab(NamedTuple):
    """Summary of a lab.

    `submissions` counts all, `rated` are those with a rating or soft labels, in the lab's order. `unrated` counts the
    criteria without a rating of the submissions with a TA's rating. `warnings` counts the lab's issues by code.
    `teacher`: of the soft labels.
    """

    name: str
    sha256: str
    submissions: int
    rated: tuple[RatedSubmission, ...]
    unrated: int
    warnings: dict[str, int]
    teacher: Teacher | None = None


class LabReport(Frozen):
    """The result for one lab, to show.

    `submissions` counts all of a lab; `train`, `dev`, `test` and `set_aside` the rated ones, `soft` those with soft
    labels and `left_out` those whose soft labels are not used; `rows` those in all files. `unrated` and `warnings` as
    in `CollectedLab`.
    """

    lab: str
    submissions: int
    train: int
    dev: int
    test: int
    set_aside: int
    soft: int
    left_out: int
    rows: int
    unrated: int
    warnings: dict[str, int]


@dataclass(frozen=True)
class LabCollector:
    """`prompts` and `copies` give a lab's rated submissions, and its attacked copies, with their prompts. `results`:
    lab -> the teacher's `grades.jsonl`, for prompts with these `options`."""

    prompts: RatedPrompts
    copies: RatedPrompts
    results: Mapping[str, Path]
    options: PromptOptions
    row_format: RowFormat
    spool: Spool
    sketches: Sketches

    def collect(self, folders: Sequence[Path], progress: Callable[[int, int], None]) -> list[CollectedLab]:
        """Reads each lab once. Raises InputError with the errors of all labs."""
        labs: list[CollectedLab] = []
        errors: list[Issue] = []
        for number, folder in enumerate(folders, 1):
            lab, issues = self._collect_one(folder)
            labs += [lab] if lab is not None else []
            errors += issues
            progress(number, len(folders))
        raise_errors(errors)
        return labs

    # The lab is a local variable, so that it is freed before the next one is read: memory is that of the largest lab.
    def _collect_one(self, folder: Path) -> tuple[CollectedLab | None, list[Issue]]:
        found = read_lab(folder)
        lab = found.lab
        if lab is None:
            return None, [issue for issue in found.issues if issue.severity is Severity.ERROR]
        try:
            teacher, soft = self._collect_soft(lab)
        except InputError as error:
            return None, [*error.issues]
        attacked = {
            copy.student: self.spool.add(json_lines(prompts, self.row_format)) for copy, prompts in self.copies(lab)
        }
        rated: list[RatedSubmission] = []
        unrated = 0
        for submission, prompts in self.prompts(lab):
            block, student = self.spool.add(json_lines(prompts, self.row_format)), submission.student
            copy, members = attacked.get(student), submission.members
            rated.append(RatedSubmission(lab.name, student, block, program_key(submission), copy, members))
            unrated += len(lab.criteria) - len(prompts)
        place = {submission.student: number for number, submission in enumerate(lab.submissions)}
        rated = sorted([*rated, *soft], key=lambda one: place[one.student])  # as in the sketches
        self.sketches.add_lab(lab, {one.student for one in rated})
        warnings = Counter(issue.code for issue in found.issues)
        size = len(lab.submissions)
        return CollectedLab(lab.name, folder_hash(folder), size, tuple(rated), unrated, warnings, teacher), []

    def _collect_soft(self, lab: Lab) -> tuple[Teacher | None, list[RatedSubmission]]:
        """Raises InputError."""
        if (path := self.results.get(lab.name)) is None:
            return None, []
        labelled = read_labels(path, lab)
        return labelled.teacher, [
            RatedSubmission(
                lab.name, one.student, self.spool.add(lines), program_key(one), members=one.members, soft=True
            )
            for one, lines in soft_lines(lab, labelled, self.options)
        ]


def lab_report(lab: CollectedLab, sides: Sides) -> LabReport:
    on = {side: [one for one in lab.rated if sides[one] is side] for side in Side}
    return LabReport(
        lab=lab.name,
        submissions=lab.submissions,
        **{side.value: len(ones) for side, ones in on.items()},  # the sides are named as the fields
        rows=sum(
            block.rows
            for side in (Side.TRAIN, Side.DEV, Side.TEST, Side.SOFT)
            for one in on[side]
            for block in one.blocks(side)
        ),
        unrated=lab.unrated,
        warnings=lab.warnings,
    )


def augmentation(share: float, labs: Sequence[CollectedLab], sides: Sides) -> Augmentation | None:
    """The number of attacked copies in each lab; None if there should be none."""
    if not share:
        return None
    copies = {lab.name: sum(len(one.blocks(sides[one])) == 2 for one in lab.rated) for lab in labs}
    return Augmentation(share=share, copies=copies)


def group_members(lab: CollectedLab, sides: Sides) -> dict[str, tuple[str, ...]]:
    """Pseudonym of a submission of several students -> the pseudonyms of all of them, sorted."""
    return {
        submission_key(one.lab, one.student): tuple(sorted(submission_key(one.lab, each) for each in one.members))
        for one in lab.rated
        if one.members and sides[one] is not Side.LEFT_OUT
    }


def lab_split(lab: CollectedLab, sides: Sides) -> LabSplit:
    """The pseudonyms of a lab's submissions by side, sorted so that their order does not reveal students."""

    def on(side: Side) -> tuple[str, ...]:
        return tuple(sorted(submission_key(one.lab, one.student) for one in lab.rated if sides[one] is side))

    return LabSplit(**{name: on(Side(name)) for name in LabSplit.model_fields})
