"""The neutral records of an import: what a platform's export states, and the lab that follows from it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from labs_schema.frozen import Frozen
from labs_schema.models import Criterion, HumanGrade


class IdKind(StrEnum):
    """The kind of an id. Ids of different kinds are never compared: participant 12 is not student number 12."""

    NUMBER = "number"
    LOGIN = "login"
    EMAIL = "email"
    PLATFORM = "platform"


class PlatformId(NamedTuple):
    """An id of a student in an export or on a roster."""

    kind: IdKind
    value: str


Ids = tuple[PlatformId, ...]
"""The ids of one student, the preferred one first."""


class ExportFile(NamedTuple):
    """A file of an export. `path` uses `/`, in NFC; `read(n)` returns at most n bytes and may raise ARCHIVE_ERRORS."""

    path: str
    size: int
    read: Callable[[int], bytes]


@dataclass(frozen=True)
class Work:
    """A submission as exported. `key` is the platform's name of it; `owners` are its students, several for a group.

    Of several works of a student the one with the greatest (attempt, submitted) is imported. `late` is None if the
    export does not state it. `label` is the display name in the export, which only serves to find a team by its name.
    `candidates` are the ids one of which is that of the only owner, if the export does not separate them: the roster
    decides, otherwise the student is ambiguous.
    """

    key: str
    owners: tuple[Ids, ...]
    files: tuple[tuple[str, ExportFile], ...]
    attempt: int = 0
    submitted: str = ""
    late: bool | None = None
    label: str = ""
    candidates: tuple[Ids, ...] = ()


@dataclass(frozen=True)
class Assessment:
    """A TA's decision on one criterion of a student, as the platform words it.

    `work` (the key of a submission) identifies the student if `owner` does not. `marks` is None if not exported.
    """

    criterion: str
    rating: str
    owner: Ids = ()
    work: str = ""
    description: str = ""
    marks: float | None = None
    comment: str = ""
    rater: str = ""


@dataclass(frozen=True)
class RosterEntry:
    """A student on the platform's list. Names only serve their redaction, never identification.

    `team` is the name of the student's team, if the list has it.
    """

    ids: Ids
    first: str = ""
    last: str = ""
    team: str = ""


@dataclass(frozen=True)
class PlatformExport:
    """Everything that a reader found. `unused` are the paths of files that belong to no submission and no table.

    `scales` lists all levels of a criterion, including those that no TA chose, where the platform exports them.
    """

    works: tuple[Work, ...]
    assessments: tuple[Assessment, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    scales: dict[str, Criterion] = field(default_factory=dict)
    roster: tuple[RosterEntry, ...] = ()
    unused: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportedSubmission:
    """`student` is the name of its folder; `members` are the other students of its group."""

    student: str
    members: tuple[str, ...]
    work: Work


@dataclass(frozen=True)
class ImportedLab:
    """A lab as it will be written. Students of `grades` are students of `submissions`.

    `own_rubric` is false if the rubric is copied from another lab.
    """

    submissions: tuple[ImportedSubmission, ...]
    criteria: tuple[Criterion, ...]
    grades: tuple[HumanGrade, ...]
    roster: tuple[RosterEntry, ...]
    own_rubric: bool = True


class ImportReport(Frozen):
    """Counts of an import, and lists of student ids."""

    platform: str = Field(description="The platform of the export.")
    submissions: int = Field(description="Submissions in the export.")
    students: int = Field(description="Students in the export, group members included.")
    written: int | None = Field(description="Students in the lab folder, null for a dry run.")
    matched: int = Field(description="Students found on the roster.")
    unmatched: tuple[str, ...] = Field(description="Students who are not on the roster.")
    ambiguous: tuple[str, ...] = Field(description="Students with several entries on the roster.")
    absent: tuple[str, ...] = Field(description="Students on the roster without a submission.")
    late: tuple[str, ...] = Field(description="Students whose submission is marked late.")
    older_attempts: int = Field(description="Earlier attempts, which are left out.")
    groups: int = Field(description="Submissions of several students.")
    files: int = Field(description="Files of all submissions.")
    criteria: int = Field(description="Criteria of the rubric in the export.")
    rated_students: int = Field(description="Students with a TA's rating.")
    ratings: int = Field(description="TAs' ratings.")
    ratings_unused: int = Field(description="Ratings that fit no criterion or student.")
