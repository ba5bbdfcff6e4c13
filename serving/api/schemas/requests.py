"""What `POST /grade` is sent, in Canvas's words: criteria, ratings, id, description, points.

Knows the shape of a request and no HTTP. The text of files is brought to the form that a lab's reader gives it, so that
the same file gets the same grade from both. A hostile request costs little: fields and items are counted before any
is read, and a list is left at its first wrong item.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Discriminator, FailFast, Field, Tag, model_validator

from labs_schema.frozen import Frozen
from labs_schema.limits import LabLimits
from labs_schema.models import Criterion, Lab, Rating, SourceFile, Submission
from labs_schema.source.languages import named
from labs_schema.submissions.file_names import safe_member_path

LIMITS = LabLimits()
CRITERIA, RATINGS, FIELDS = 100, 26, 32
PROBLEM_CHARS, DESCRIPTION_CHARS, TITLE_CHARS, FILENAME_CHARS = 200_000, 10_000, 500, 255
ID = "^[0-9A-Za-z_-]+$"
"""Of a job or a grade. PostgreSQL cannot even be asked for one with a NUL in it."""
NO_TEXT = re.compile("[\0\ud800-\udfff]")


def _whole_text(text: str) -> str:
    if NO_TEXT.search(text):
        raise ValueError("text in Unicode, without NUL and lone surrogates")
    return text


def _plain_name(name: str) -> str:
    if safe_member_path(name) != name:
        raise ValueError("a relative path such as src/main.c, without .., backslashes and control characters")
    return name


def _printable(name: str) -> str:
    if not name.isprintable() or name != name.strip():
        raise ValueError("printable text in one line, without spaces around it")
    return name


def _at_most(most: int) -> Callable[[Any], Any]:
    """Refuses a list longer than `most` before its items are read; pydantic's own max_length reads them first."""

    def counted(items: Any) -> Any:
        if isinstance(items, list) and len(items) > most:
            raise ValueError(f"a list of at most {most}")
        return items

    return counted


Text = Annotated[str, AfterValidator(_whole_text)]
Description = Annotated[str, Field(max_length=DESCRIPTION_CHARS), AfterValidator(_whole_text)]
Title = Annotated[str, Field(min_length=1, max_length=TITLE_CHARS), AfterValidator(_whole_text)]
Student = Annotated[str, Field(min_length=1, max_length=FILENAME_CHARS), AfterValidator(_printable)]
Filename = Annotated[str, Field(min_length=1, max_length=FILENAME_CHARS), AfterValidator(_plain_name)]


class RequestPart(Frozen):
    """An object of a request: at most 32 fields, counted before they are read."""

    @model_validator(mode="before")
    @classmethod
    def fields_are_few(cls, given: Any) -> Any:
        if isinstance(given, dict) and len(given) > FIELDS:
            raise ValueError(f"an object of at most {FIELDS} fields, not {len(given)}")
        return given


class FileIn(RequestPart):
    filename: Filename
    content: Text


class SubmissionIn(RequestPart):
    """One or many files, each name once."""

    files: Annotated[
        tuple[FileIn, ...],
        FailFast(),
        Field(min_length=1, max_length=LIMITS.submission_files),
        BeforeValidator(_at_most(LIMITS.submission_files)),
    ]

    @model_validator(mode="after")
    def names_differ(self) -> "SubmissionIn":
        _unique("filename", [file.filename for file in self.files])
        return self

    def submission(self) -> Submission:
        """Without a student: the service has no need to know whose work it is."""
        files = sorted(self.files, key=lambda file: file.filename)
        read = tuple(SourceFile(path=file.filename, text=_plain_lines(file.content)) for file in files)
        return Submission(student="", folder="", files=read)


class RatingIn(RequestPart):
    id: Title
    description: Description = ""
    points: float | None = Field(default=None, strict=True, ge=0, le=1_000_000, allow_inf_nan=False)


class CriterionIn(RequestPart):
    """2 to 26 ratings, in the rubric's order. `id` comes back in the answer; without it, the title does."""

    id: Title | None = None
    title: Title
    description: Description = ""
    ratings: Annotated[
        tuple[RatingIn, ...], FailFast(), Field(min_length=2, max_length=RATINGS), BeforeValidator(_at_most(RATINGS))
    ]

    @model_validator(mode="after")
    def ratings_differ(self) -> "CriterionIn":
        _unique("rating id", [rating.id for rating in self.ratings])
        return self


class Work(RequestPart):
    """What both kinds of request say of the work."""

    submission: SubmissionIn
    student: Student | None = Field(
        default=None, description="Whose work it is on your platform. Kept with the grade; the model never sees it."
    )
    reasoning: bool = Field(
        default=False, strict=True, description="Also write the model's reasons. Slower; changes no rating."
    )


class LabGradeRequest(Work):
    """Grade by the rubric of a lab that is registered (`GET /labs`)."""

    lab: Title


class RubricGradeRequest(Work):
    """Grade by the rubric in this request."""

    problem: Text = Field(max_length=PROBLEM_CHARS, description="The problem statement, as the students had it.")
    language: Title = Field(description="The programming language, such as C or Python.")
    criteria: Annotated[
        tuple[CriterionIn, ...],
        FailFast(),
        Field(min_length=1, max_length=CRITERIA),
        BeforeValidator(_at_most(CRITERIA)),
    ]

    @model_validator(mode="after")
    def criteria_differ(self) -> "RubricGradeRequest":
        _unique("criterion title", [criterion.title for criterion in self.criteria])
        _unique("criterion id", [criterion.id or criterion.title for criterion in self.criteria])
        return self

    def rubric(self) -> Lab:
        """A lab of this rubric alone."""
        return Lab(
            name="",
            problem=self.problem,
            short_problem=self.problem,
            language=named(self.language) or self.language,
            criteria=tuple(map(_criterion, self.criteria)),
            submissions=(),
        )


class OverrideRequest(RequestPart):
    """A person's rating of one criterion, in place of the one in force."""

    criterion: Title = Field(description="Its title, as in the grade.")
    rating: Title
    why: Description = ""


def _kind(body: Any) -> str:
    return "registered lab" if isinstance(body, dict) and "lab" in body else "inline rubric"


GradeRequest = Annotated[
    Annotated[LabGradeRequest, Tag("registered lab")] | Annotated[RubricGradeRequest, Tag("inline rubric")],
    Discriminator(_kind),
]


def _criterion(given: CriterionIn) -> Criterion:
    ratings = tuple(Rating(title=r.id, description=r.description, marks=r.points) for r in given.ratings)
    return Criterion(title=given.title, description=given.description, ratings=ratings)


def _plain_lines(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _unique(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"each {what} once; {twice[0][:60]!r} is there more than once")
