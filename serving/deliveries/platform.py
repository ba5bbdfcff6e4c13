"""The protocol of an adapter of a course platform.

A platform has one place for a lab's grades (an assignment, a line item), people in it and a value for each of them.
Adapters hold no state about deliveries: the journal is in the store.
"""

import math
from collections.abc import Mapping
from typing import Literal, Protocol

from pydantic import Field

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_hash
from labs_schema.imports.records import Ids


class PlatformLevel(Frozen):
    """A level (rating) of a platform's criterion. `title` is plain text; `points` None if it has none."""

    id: str
    title: str
    points: float | None


class PlatformCriterion(Frozen):
    id: str
    title: str
    levels: tuple[PlatformLevel, ...]


class PlatformRubric(Frozen):
    criteria: tuple[PlatformCriterion, ...]

    @property
    def fingerprint(self) -> str:
        """Changes with every id, title, order and number of points: a stored mapping is then no longer valid."""
        return canonical_hash(self.model_dump(mode="json"))


class Assignment(Frozen):
    """The place for the grades. `maximum`: None if the platform states none; `rubric`: None without one.

    `warnings` are for the teacher, such as that students see a grade at once.
    """

    title: str
    maximum: float | None
    rubric: PlatformRubric | None = None
    warnings: tuple[str, ...] = ()


class PlatformPerson(Frozen):
    """`id` is the platform's own id; `ids` are all ids by kind, the platform's included. Names are not read."""

    id: str
    ids: Ids


class CriterionValue(Frozen):
    """`level` is the id of a platform's level; `comment` is plain text."""

    level: str | None = None
    points: float | None = None
    comment: str = ""


class Value(Frozen):
    """A person's value on a platform: total, criteria by the platform's id, and overall comments as plain text.

    `blocked`: a person's decision that has no value, such as `excused`; nothing replaces it.
    With `comment_style` `append`, `comments` are all comments there, also those of others; with `replace`, it is the
    current one or none. `comments_hidden`: the platform may have a comment that it does not show.
    """

    total: float | None = None
    criteria: dict[str, CriterionValue] = Field(default_factory=dict)
    comments: tuple[str, ...] = ()
    blocked: str = ""
    comments_hidden: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no one has graded: comments alone are not a grade."""
        return self.total is None and not any(each.level or each.points is not None for each in self.criteria.values())


class NewValue(Value):
    """A value to write.

    `at`: when it was decided to send it, UTC in ISO 8601; at least a second later than all earlier ones for the same
    person and target, also those of earlier runs. `waiting`: there is no grade yet, because a person reviews it.
    `overwrite`: a teacher's value may be replaced. `repeated`: an earlier write was interrupted, and may still arrive.
    """

    at: str = ""
    waiting: bool = False
    overwrite: bool = False
    repeated: bool = False


class Platform(Protocol):
    """All methods raise DeliveryError. Texts are plain: an adapter removes and adds the platform's HTML."""

    target: str
    """Platform and place, such as `canvas https://canvas.example/courses/1/assignments/2`; at most 300 characters."""

    @property
    def comment_style(self) -> Literal["append", "replace", "none"]:
        """Whether an overall comment is added to the others, replaces the earlier one, or cannot be stored."""
        ...

    @property
    def stores_remarks(self) -> bool:
        """Whether each criterion of a rubric has a comment of its own."""
        ...

    @property
    def announces_waiting(self) -> bool:
        """Whether a `waiting` value can be written: the platform then shows that a person reviews the work."""
        ...

    def read_assignment(self) -> Assignment: ...

    def read_people(self) -> tuple[PlatformPerson, ...]: ...

    def read_values(self, person: str | None = None) -> Mapping[str, Value]:
        """Person id -> current value; of one person or of all. People without any entry are left out."""
        ...

    def write(self, person: str, new: NewValue, current: Value) -> Value | None:
        """Makes the platform show `new`. Called again after a failure of any kind, also a half-done one.

        `current` is what was read a moment before. `new.comments` is what to have there, not what to add. Returns what
        the platform shows, if it was read after the write; otherwise the caller reads it.
        """
        ...


def same_number(one: float | None, other: float | None) -> bool:
    """Platforms store numbers with two or more decimals."""
    return one is other or (one is not None and other is not None and math.isclose(one, other, abs_tol=0.005))


def same_text(one: str, other: str) -> bool:
    """White space apart, which platforms change."""
    return one.split() == other.split()
