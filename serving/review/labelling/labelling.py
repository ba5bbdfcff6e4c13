"""The interface between the page on which TAs rate a new lab and the code that learns from their ratings.

`grader serve` provides it: serving does not import the code that fits heads.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from labs_schema.frozen import Frozen

MIN_PROGRAMS = 10
"""Fewer rated programs support no estimate."""
TARGET = 0.75
"""The agreement at which the rest of a lab can be graded, unless a TA chooses another value."""


class Estimate(Frozen):
    """The share of a head's ratings that equal the TA's, cross-validated, with a 95 % interval over students.

    `majority`: the share of the majority class, leaving each student out.
    """

    agreement: float
    low: float
    high: float
    majority: float
    programs: int
    decisions: int


class Version(Frozen):
    """A fitted head. `head_hash` is that of its weights, `ratings_hash` that of the lab's ratings it was fitted on.

    `programs`: with a rating of every criterion. `estimate`: None before the first rating. `made`: date and time in
    UTC, ISO 8601.
    """

    head_hash: str
    ratings_hash: str
    programs: int
    estimate: Estimate | None
    made: str


class Readiness(StrEnum):
    """Whether the rest of a lab can be graded."""

    UNRATED = "unrated"
    TOO_FEW = "too-few"
    TOO_LOW = "too-low"
    READY = "ready"


def readiness(estimate: Estimate | None, target: float = TARGET) -> Readiness:
    """`READY`: the estimated agreement reaches `target` and is better than the majority class."""
    if estimate is None:
        return Readiness.UNRATED
    if estimate.programs < MIN_PROGRAMS:
        return Readiness.TOO_FEW
    if estimate.agreement < target or estimate.agreement <= estimate.majority:
        return Readiness.TOO_LOW
    return Readiness.READY


class ProposedProgram(Frozen):
    """A program to rate next, and why. `resembles` of the `left` unrated programs are more like this one than like any
    rated one. `doubt` (0 to 1): the mean entropy of the head's ratings as a share of the greatest possible; None before
    the first fit."""

    student: str
    resembles: int
    left: int
    doubt: float | None


class Stage(StrEnum):
    """`closed`: not started, or lost in a restart. `failed`: see `Labelling.error`."""

    CLOSED = "closed"
    READING = "reading programs"
    FITTING = "fitting"
    READY = "ready"
    GRADING = "grading"
    FAILED = "failed"


@dataclass(frozen=True)
class LabelState:
    """A session at one point in time. `done` of `total` steps of the stage, 0 if it has none.

    `proposals`: the most informative program first; some may have been rated since they were computed. `versions`: the
    oldest first. `programs`: how many can be rated. `error`: why it failed, with the hint for the person.
    """

    stage: Stage = Stage.CLOSED
    done: int = 0
    total: int = 0
    proposals: tuple[ProposedProgram, ...] = ()
    versions: tuple[Version, ...] = ()
    programs: int = 0
    error: str = ""

    @property
    def busy(self) -> bool:
        return self.stage in (Stage.READING, Stage.FITTING, Stage.GRADING)


@dataclass(frozen=True)
class LabPlace:
    """A lab of a course, and its folder."""

    course: str
    lab: str
    folder: Path


class Labelling(Protocol):
    """Sessions by lab. Thread-safe; no method waits for a fit. Ratings are read from the store."""

    def state(self, place: LabPlace) -> LabelState: ...

    def refresh(self, place: LabPlace) -> None:
        """Opens the session if it is closed, and fits a new version if the ratings have changed."""
        ...

    def grade_rest(self, place: LabPlace, *, actor: str) -> None:
        """Grades the lab with the newest version and stores the grades as a proposal. No grade changes."""
        ...
