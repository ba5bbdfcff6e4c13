"""Bodies of requests, in Canvas's terms: criteria, ratings, id, description, points.

The text of files is normalised like a lab's, so that the same file gets the same grade from both. A hostile request
costs little: fields and items are counted before any is parsed, and a list is parsed up to its first wrong item.
"""

import base64
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, FailFast, Field, Tag, model_validator

from labs_schema.decided_by import OutcomeRule
from labs_schema.errors import InputError, error_issue
from labs_schema.frozen import Frozen
from labs_schema.hashes import files_hash
from labs_schema.limits import LabLimits, ObservationLimits, RequestLimits
from labs_schema.models import Criterion, Lab, Rating, Submission, is_bonus_title
from labs_schema.observations import CheckResult, Diagnostic, SubmissionObservations
from labs_schema.observations import Tag as ObservedTag
from labs_schema.rubrics.decision_rules import MAX_RULES
from labs_schema.rubrics.rubric_keys import NOT_READ, criterion_fields
from labs_schema.source.languages import canonical_name
from labs_schema.submissions.adhoc_submission import read_given_archive, read_given_files
from labs_schema.submissions.file_names import ARCHIVE_SUFFIXES, archive_suffix, safe_member_path

FILES = LabLimits().submission_files
LIMITS = RequestLimits()
OBSERVED = ObservationLimits()
ID_PATTERN = "^[0-9A-Za-z_-]+$"
"""The id of a job or a grade. PostgreSQL raises an error for a query with a NUL character."""
NOT_UNICODE = re.compile("[\0\ud800-\udfff]")


def check_unicode(text: str) -> str:
    if NOT_UNICODE.search(text):
        raise ValueError("Unicode text without NUL and lone surrogates")
    return text


def _check_path(name: str) -> str:
    """The path as in an archive: without `./`, with `/`, and without a browser's `C:\\fakepath\\`."""
    path = safe_member_path(name)
    if path is None:
        raise ValueError("a relative path such as src/main.c, without .. and drive letters")
    return path


def _check_printable(name: str) -> str:
    if not name.isprintable() or name != name.strip():
        raise ValueError("printable text on one line, without surrounding spaces")
    return name


def _at_most(limit: int) -> Callable[[Any], Any]:
    """Rejects a longer list before its items are parsed; pydantic's own max_length parses them first."""

    def counted(items: Any) -> Any:
        if isinstance(items, list) and len(items) > limit:
            raise ValueError(f"a list of at most {limit}")
        return items

    return counted


Text = Annotated[str, AfterValidator(check_unicode)]
Description = Annotated[str, Field(max_length=LIMITS.description_chars), AfterValidator(check_unicode)]
Title = Annotated[str, Field(min_length=1, max_length=LIMITS.title_chars), AfterValidator(check_unicode)]
Student = Annotated[str, Field(min_length=1, max_length=LIMITS.name_chars), AfterValidator(_check_printable)]
Filename = Annotated[str, Field(min_length=1, max_length=LIMITS.name_chars), AfterValidator(_check_path)]


class RequestPart(Frozen):
    """An object in a request. Its fields are counted before they are parsed."""

    @model_validator(mode="before")
    @classmethod
    def count_fields(cls, given: Any) -> Any:
        if isinstance(given, dict) and len(given) > LIMITS.object_fields:
            raise ValueError(f"an object of at most {LIMITS.object_fields} fields, not {len(given)}")
        return given


class FileIn(RequestPart):
    filename: Filename = Field(description="A relative path, such as src/main.c.")
    content: Text = Field(description="The file's text.")


class ArchiveIn(RequestPart):
    """A zip or tar archive, as the student handed it in."""

    filename: Filename = Field(description="Its name, with the suffix of its format: work.zip, work.tar.gz.")
    content: str = Field(min_length=1, description="The archive in base64.")

    @model_validator(mode="after")
    def is_archive(self) -> "ArchiveIn":
        if archive_suffix(self.filename) is None:
            raise ValueError(f"an archive named with one of {', '.join(ARCHIVE_SUFFIXES)}")
        return self


class SubmissionIn(RequestPart):
    """Files with distinct names, or one archive of them. As in a lab, only source files are graded."""

    files: Annotated[
        tuple[FileIn, ...],
        FailFast(),
        Field(min_length=1, max_length=FILES, description="The student's files, unless there is an archive."),
        BeforeValidator(_at_most(FILES)),
    ] = ()
    archive: ArchiveIn | None = Field(default=None, description="Instead of `files`.")

    @model_validator(mode="after")
    def one_source(self) -> "SubmissionIn":
        if bool(self.files) == (self.archive is not None):
            raise ValueError("either files or an archive")
        _check_distinct("filename", [file.filename for file in self.files])
        return self

    def read(self, lab: Lab) -> Submission:
        """Without a student: grading does not depend on whose work it is. Raises InputError.

        The lab's criteria decide whether text cells of notebooks are read, its encoding is for archived files.
        """
        if self.archive is None:
            return read_given_files([(file.filename, file.content) for file in self.files], lab.language, lab.criteria)
        try:
            data = base64.b64decode(self.archive.content, validate=True)
        except ValueError:
            issue = error_issue(
                "bad-archive",
                "submission.archive.content",
                found="text that is not base64",
                expected="the bytes of the archive in base64",
                hint="Encode the archive in base64.",
            )
            raise InputError([issue]) from None
        return read_given_archive(self.archive.filename, data, lab.language, lab.criteria, lab.encoding)


class ObservationsIn(RequestPart):
    """Outcomes of building and running the submission elsewhere, with the fields of `observations.jsonl`."""

    source: ObservedTag = Field(default="api", description="Where the results are from.")
    tools: Annotated[dict[str, str], Field(max_length=OBSERVED.tools)] = Field(
        default={}, description="Name and version of compilers and linters."
    )
    results: Annotated[
        tuple[CheckResult, ...],
        FailFast(),
        Field(min_length=1, max_length=OBSERVED.results, description="One for each check; names are unique."),
        BeforeValidator(_at_most(OBSERVED.results)),
    ]

    @model_validator(mode="after")
    def checks_differ(self) -> "ObservationsIn":
        _check_distinct("check", [result.check for result in self.results])
        return self

    def of(self, submission: Submission) -> SubmissionObservations:
        """The observations of the submission's files."""
        return SubmissionObservations(
            submission=files_hash(submission), source=self.source, tools=self.tools, results=self.results
        )


class RatingIn(RequestPart):
    """A rating of a criterion. Negative points are a deduction."""

    id: Title = Field(description="The rating's title, such as A; distinct in its criterion.")
    description: Description = Field(default="", description="When the rating applies.")
    points: float | None = Field(
        default=None,
        strict=True,
        ge=-1_000_000,
        le=1_000_000,
        allow_inf_nan=False,
        description="Leave out if the rubric has no points.",
    )


class CriterionIn(RequestPart):
    """1 to 26 ratings, in the rubric's order. A single one is completed by the rating `not met` with 0 points.

    The response repeats `id`, or the title if there is none. The keys may also be those of rubrics.json or of Canvas.
    """

    id: Title | None = Field(default=None, description="Repeated in the response. By default the title.")
    title: Title = Field(description="The criterion's title, distinct in the rubric.")
    description: Description = Field(default="", description="What the criterion asks.")
    bonus: bool = Field(default=False, strict=True, description="Its points add to the total, but not to the maximum.")
    ratings: Annotated[
        tuple[RatingIn, ...],
        FailFast(),
        Field(min_length=1, max_length=LIMITS.ratings, description="In the rubric's order."),
        BeforeValidator(_at_most(LIMITS.ratings)),
    ]
    decided_by: Annotated[
        tuple[OutcomeRule, ...],
        FailFast(),
        Field(description="Rules by which `observations` decide the rating; the first that holds gives it."),
        BeforeValidator(_at_most(MAX_RULES)),
    ] = ()

    @model_validator(mode="before")
    @classmethod
    def accept_other_keys(cls, given: Any) -> Any:
        if not isinstance(given, dict) or len(given) > LIMITS.object_fields:
            return given
        long = any(isinstance(value, list) and len(value) > LIMITS.ratings for value in given.values())
        return given if long else _with_api_keys(given)

    @model_validator(mode="after")
    def ratings_differ(self) -> "CriterionIn":
        _check_distinct("rating id", [rating.id for rating in self.ratings])
        return self

    @model_validator(mode="after")
    def rules_fit(self) -> "CriterionIn":
        known = [rating.id for rating in self.ratings]
        for rule in self.decided_by:
            if rule.rating not in known:
                raise ValueError(f"rules of decided_by with the id of a rating, not {rule.rating[:60]!r}")
        return self


class GradeRequestBase(RequestPart):
    """The fields that both kinds of grading requests share."""

    submission: SubmissionIn = Field(description="The files to grade.")
    observations: ObservationsIn | None = Field(
        default=None, description="Outcomes of building and running these files, if they were run."
    )
    student: Student | None = Field(
        default=None,
        description="The student's id on your platform. Stored with the grade and redacted from the program.",
    )
    reasoning: bool = Field(
        default=False, strict=True, description="Also return the model's reasoning. Slower; changes no rating."
    )


class LabGradeRequest(GradeRequestBase):
    """Grade by the rubric of a registered lab (`GET /labs`)."""

    lab: Title = Field(description="The name of a registered lab (`GET /labs`).")


class RubricGradeRequest(GradeRequestBase):
    """Grade by the rubric in this request."""

    problem: Text = Field(max_length=LIMITS.problem_chars, description="The problem statement, as given to students.")
    language: Title = Field(description="The programming language, such as C or Python.")
    criteria: Annotated[
        tuple[CriterionIn, ...],
        FailFast(),
        Field(min_length=1, max_length=LIMITS.criteria, description="In the rubric's order."),
        BeforeValidator(_at_most(LIMITS.criteria)),
    ]

    @model_validator(mode="after")
    def criteria_differ(self) -> "RubricGradeRequest":
        _check_distinct("criterion title", [criterion.title for criterion in self.criteria])
        _check_distinct("criterion id", [criterion.id or criterion.title for criterion in self.criteria])
        return self

    def rubric(self) -> Lab:
        """A lab without submissions that has this rubric."""
        return Lab(
            name="",
            problem=self.problem,
            short_problem=self.problem,
            language=canonical_name(self.language) or self.language,
            criteria=tuple(map(_criterion, self.criteria)),
            submissions=(),
        )


class OverrideRequest(RequestPart):
    """A person's rating of a criterion, which replaces the current one."""

    criterion: Title = Field(description="The criterion's title, as in the grade.")
    rating: Title = Field(description="The title of the new rating.")
    why: Description = Field(default="", description="The reason, stored in the history.")
    applies_to: Literal["group", "student"] = Field(
        default="group", description="All members of the group whose work a job graded, or only this grade's student."
    )


FIELDS = tuple(
    dict.fromkeys(
        name
        for part in (
            LabGradeRequest,
            RubricGradeRequest,
            SubmissionIn,
            FileIn,
            ArchiveIn,
            ObservationsIn,
            CheckResult,
            Diagnostic,
            CriterionIn,
            OutcomeRule,
            RatingIn,
            OverrideRequest,
        )
        for name in part.model_fields
    )
)
"""The names of all fields of request bodies."""


def _kind(body: Any) -> str:
    return "registered lab" if isinstance(body, dict) and "lab" in body else "inline rubric"


GradeRequest = Annotated[
    Annotated[LabGradeRequest, Tag("registered lab")] | Annotated[RubricGradeRequest, Tag("inline rubric")],
    Discriminator(_kind),
]


def _with_api_keys(given: dict[str, Any]) -> dict[str, Any]:
    """A criterion with the keys of any spelling of rubrics (`rubric_keys`) as one with the keys of this API."""
    fields = {key: value for key, value in criterion_fields(given).items() if key not in NOT_READ}
    ratings = fields.get("ratings")
    if isinstance(ratings, list):
        fields["ratings"] = [_rating_keys(each) if isinstance(each, dict) else each for each in ratings]
    return fields


def _rating_keys(fields: dict[str, Any]) -> dict[str, Any]:
    fields = {key: value for key, value in fields.items() if key not in NOT_READ}
    return fields if "title" not in fields else fields | {"id": fields.pop("title")}


def _criterion(given: CriterionIn) -> Criterion:
    ratings = tuple(Rating(title=r.id, description=r.description, marks=r.points) for r in given.ratings)
    bonus = given.bonus or ("bonus" not in given.model_fields_set and is_bonus_title(given.title))
    criterion = Criterion(
        title=given.title,
        description=given.description,
        ratings=ratings,
        bonus=bonus,
        decided_by=given.decided_by,
    )
    return criterion.with_implied_rating()


def _check_distinct(what: str, names: Iterable[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"distinct values of {what}; {repeated[0][:60]!r} is repeated")
