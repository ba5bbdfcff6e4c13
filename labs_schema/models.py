"""The records of a validated lab: rubric, submissions and human grades."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from pydantic import Field

from labs_schema.decided_by import OutcomeRule
from labs_schema.frozen import Frozen
from labs_schema.observations import SubmissionObservations

NOT_MET = "not met"
"""The rating that completes a criterion with a single one, such as `done`."""
_BONUS = re.compile(r"(?:bonus|extra credit|extra points?|zusatz(?:punkte|aufgabe)?)\b", re.IGNORECASE)


def is_bonus_title(title: str) -> bool:
    """Whether a criterion is a bonus by its title, unless the rubric states otherwise."""
    return _BONUS.match(title) is not None


class Rating(Frozen):
    """One level of a criterion, such as `A`. `marks` is None if no file of the lab sets it; a deduction is negative."""

    title: str
    description: str = ""
    marks: float | None = None


class Criterion(Frozen):
    """A criterion of the rubric with its 2 to 26 ratings in the rubric's order. Titles are unique.

    The marks of a `bonus` add to the total but not to the highest total. `decided_by`: rules by which observed outcomes
    decide the rating; empty if a model rates it. `clarifications`: staff's answers to doubts about the criterion, which
    follow its description.
    """

    title: str
    description: str = ""
    ratings: tuple[Rating, ...]
    bonus: bool = Field(default=False, exclude_if=lambda bonus: not bonus)
    decided_by: tuple[OutcomeRule, ...] = Field(default=(), exclude_if=lambda rules: not rules)
    clarifications: tuple[str, ...] = Field(default=(), exclude_if=lambda texts: not texts)

    def with_implied_rating(self) -> "Criterion":
        """The criterion itself unless it has a single rating; then with `NOT_MET`, 0 marks, as the second one."""
        if len(self.ratings) != 1 or self.ratings[0].title.casefold() == NOT_MET:
            return self
        marks = None if self.ratings[0].marks is None else 0.0
        return self.model_copy(update={"ratings": (*self.ratings, Rating(title=NOT_MET, marks=marks))})

    def rating(self, title: str) -> Rating:
        """Raises KeyError if the criterion has no rating with this title."""
        for rating in self.ratings:
            if rating.title == title:
                return rating
        raise KeyError(title)

    @property
    def max_marks(self) -> float | None:
        """The highest marks of its ratings; None if one of them has no marks."""
        marks = [rating.marks for rating in self.ratings if rating.marks is not None]
        return max(marks, default=None) if len(marks) == len(self.ratings) else None

    @property
    def min_marks(self) -> float | None:
        """The lowest marks of its ratings; None if one of them has no marks."""
        marks = [rating.marks for rating in self.ratings if rating.marks is not None]
        return min(marks, default=None) if len(marks) == len(self.ratings) else None


class SourceFile(Frozen):
    """A text file of a submission. `path` is relative, uses `/` and contains no `..`."""

    path: str
    text: str


class Person(Frozen):
    """A student on a roster. `ids` include e-mail addresses; names are spelled as in the roster, empty if unknown."""

    ids: tuple[str, ...] = ()
    first: str = ""
    last: str = ""


class Submission(Frozen):
    """A student's submission. `student` is the part of `folder` before the `@` (`s1@course`); files are sorted by path.

    Group work has several `members`, sorted, of whom `student` is the first; each of them gets the grade.
    `redactions` are the strings in the files that name a student, sorted. Prompts replace them: `privacy.redaction`.
    `observations`: what happened when it was built and run; None if it was not observed. `unread`: the sorted codes of
    the issues of files that cannot be read, such as `bad-archive`; its grade needs review. `unobserved`: why the checks
    of its lab were not run, although they should have been; its grade needs review, too.
    """

    student: str
    folder: str
    files: tuple[SourceFile, ...]
    redactions: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    observations: SubmissionObservations | None = None
    unread: tuple[str, ...] = ()
    unobserved: str = ""

    @property
    def students(self) -> tuple[str, ...]:
        """Every student whose work it is."""
        return self.members or (self.student,)


NO_SUBMISSION = "student-without-submission"
"""The code of an `UnreadableSubmission` of a student in a table or roster who has no submission."""


class UnreadableSubmission(Frozen):
    """A student without a gradable program: a rejected submission, one without a source file, or none at all.

    `folder` is the submission's name, or the id as written in a table if there is no submission. `code` is that of the
    issue (`no-program`, `too-many-files`, `student-without-submission`, ...); `reason` is the same in words.
    """

    student: str
    folder: str
    code: str
    reason: str


class HumanGrade(Frozen):
    """A TA's rating of one criterion of a submission.

    `rating` is None if the TA marked no rating, or several. `rater` is the TA's name, None if unknown.
    """

    student: str
    criterion: str
    rating: str | None
    comment: str | None = None
    rater: str | None = None


class Lab(Frozen):
    """A validated lab.

    `problem` is the verbose statement, `short_problem` the short one; if only one exists, it is used for both.
    `human_grades` are the current grades, at most one for each (student, criterion). `rater_grades` come from the TAs'
    own tables, one for each (rater, student, criterion), always with rater and rating. `template` is the code that
    students were given. `roster` lists the students whose names are redacted; it is never serialized. `unreadable` are
    the other students known from the submissions folder, a table or the roster, sorted: every result lists them as
    ungraded. `warnings` (code -> number of issues) are filled where a service shows them. `encoding` is that of its
    `encoding.txt`, for programs that are read later.
    """

    name: str
    problem: str
    short_problem: str
    language: str
    criteria: tuple[Criterion, ...]
    submissions: tuple[Submission, ...]
    unreadable: tuple[UnreadableSubmission, ...] = ()
    template: tuple[SourceFile, ...] = ()
    human_grades: tuple[HumanGrade, ...] = ()
    rater_grades: tuple[HumanGrade, ...] = ()
    roster: tuple[Person, ...] = Field(default=(), exclude=True, repr=False)
    warnings: dict[str, int] = Field(default_factory=dict, exclude=True, repr=False)
    encoding: str | None = Field(default=None, exclude=True, repr=False)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Drops the cached properties: pydantic copies them, although `update` may change the grades they depend on."""
        copied = super().model_copy(update=update, deep=deep)
        for computed in ("ratings_by_student", "ratings_by_rater"):
            copied.__dict__.pop(computed, None)
        return copied

    @property
    def students(self) -> tuple[str, ...]:
        """Every known student: the members of each submission, then those without a readable program."""
        submitted = (student for submission in self.submissions for student in submission.students)
        return (*submitted, *(each.student for each in self.unreadable))

    def criterion(self, title: str) -> Criterion:
        """Raises KeyError if the rubric has no criterion with this title."""
        for criterion in self.criteria:
            if criterion.title == title:
                return criterion
        raise KeyError(title)

    @cached_property
    def ratings_by_student(self) -> dict[str, dict[str, str]]:
        """student -> criterion title -> rating title, for the current grades that have a rating."""
        ratings: dict[str, dict[str, str]] = {}
        for grade in self.human_grades:
            if grade.rating is not None:
                ratings.setdefault(grade.student, {})[grade.criterion] = grade.rating
        return ratings

    @cached_property
    def ratings_by_rater(self) -> dict[str, dict[str, dict[str, str]]]:
        """rater -> student -> criterion title -> rating title, sorted by rater, for named TAs.

        Combines the current grades with the TAs' own tables, which take precedence.
        """
        ratings: dict[str, dict[str, dict[str, str]]] = {}
        for grade in (*self.human_grades, *self.rater_grades):
            if grade.rater is not None and grade.rating is not None:
                ratings.setdefault(grade.rater, {}).setdefault(grade.student, {})[grade.criterion] = grade.rating
        return dict(sorted(ratings.items()))
