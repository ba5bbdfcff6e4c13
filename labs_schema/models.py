"""A lab as the rest of the program sees it: validated, frozen, free of file formats. Knows no paths on disk."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from pydantic import Field

from labs_schema.frozen import Frozen


class Rating(Frozen):
    """One level of a criterion, such as `A`. `marks` is None where neither file of the lab gives any."""

    title: str
    description: str = ""
    marks: float | None = None


class Criterion(Frozen):
    """A question of the rubric and its ratings, in the rubric's order (2 to 26 of them, titles unique)."""

    title: str
    description: str = ""
    ratings: tuple[Rating, ...]

    def rating(self, title: str) -> Rating:
        """Raises KeyError where the criterion has no such rating."""
        for rating in self.ratings:
            if rating.title == title:
                return rating
        raise KeyError(title)

    @property
    def max_marks(self) -> float | None:
        """The highest marks of a rating, None where one of them has no marks."""
        marks = [rating.marks for rating in self.ratings if rating.marks is not None]
        return max(marks) if len(marks) == len(self.ratings) else None


class SourceFile(Frozen):
    """A text file of a submission. `path` is relative to the submission, with `/`; it never leaves it."""

    path: str
    text: str


class Person(Frozen):
    """A student of a roster. `ids`: e-mail addresses too; names as they are written, empty where unknown."""

    ids: tuple[str, ...] = ()
    first: str = ""
    last: str = ""


class Submission(Frozen):
    """What a student handed in. `student` is the id before the `@` of `folder` (`s1@course`); files sorted by path.

    `hidden` are the words of the files that name a student, sorted: prompts have another in their place (`hiding`).
    """

    student: str
    folder: str
    files: tuple[SourceFile, ...]
    redactions: tuple[str, ...] = ()


class HumanGrade(Frozen):
    """A TA's rating of one criterion of one student's work. `rating` is None where the TA marked none, or several.

    `rater` is the TA's name, None where the files do not say it.
    """

    student: str
    criterion: str
    rating: str | None
    comment: str | None = None
    rater: str | None = None


class Lab(Frozen):
    """A validated lab. `problem` is the verbose statement, `short_problem` the short one; each stands in for the other
    where only one file is there. `human_grades`, the grades in force, have at most one entry a (student, criterion).
    `rater_grades` are what single TAs gave in files of their own, one entry a (rater, student, criterion); each has a
    rater and a rating. `roster`: whom comments may name; it is in no dump of a lab."""

    name: str
    problem: str
    short_problem: str
    language: str
    criteria: tuple[Criterion, ...]
    submissions: tuple[Submission, ...]
    human_grades: tuple[HumanGrade, ...] = ()
    rater_grades: tuple[HumanGrade, ...] = ()
    roster: tuple[Person, ...] = Field(default=(), exclude=True, repr=False)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's, which would take over what was computed from the grades before `update` changed them."""
        copied = super().model_copy(update=update, deep=deep)
        for computed in ("ratings_given", "ratings_by"):
            copied.__dict__.pop(computed, None)
        return copied

    def criterion(self, title: str) -> Criterion:
        """Raises KeyError where the rubric has no such criterion."""
        for criterion in self.criteria:
            if criterion.title == title:
                return criterion
        raise KeyError(title)

    @cached_property
    def ratings_given(self) -> dict[str, dict[str, str]]:
        """student -> criterion title -> rating title, of the grades in force that have a rating."""
        given: dict[str, dict[str, str]] = {}
        for grade in self.human_grades:
            if grade.rating is not None:
                given.setdefault(grade.student, {})[grade.criterion] = grade.rating
        return given

    @cached_property
    def ratings_by(self) -> dict[str, dict[str, dict[str, str]]]:
        """rater -> student -> criterion title -> rating title, sorted by rater: what each named TA gave.

        From the grades in force whose TA is named, and from the TAs' own files, which count where the two differ.
        """
        given: dict[str, dict[str, dict[str, str]]] = {}
        for grade in (*self.human_grades, *self.rater_grades):
            if grade.rater is not None and grade.rating is not None:
                given.setdefault(grade.rater, {}).setdefault(grade.student, {})[grade.criterion] = grade.rating
        return dict(sorted(given.items()))
