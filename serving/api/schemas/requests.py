"""Bodies of requests for a grade and of overrides."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, FailFast, Field, Tag, model_validator

from labs_schema.models import Lab
from labs_schema.source.languages import canonical_name
from serving.api.schemas.parts import LIMITS, Description, RequestPart, Student, Text, Title, at_most, check_distinct
from serving.api.schemas.rubrics import CriterionIn, criterion_of
from serving.api.schemas.submissions import ObservationsIn, SubmissionIn


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
        default=False,
        strict=True,
        description="Also return the model's explanation. This is slower and does not change the rating.",
    )


class LabGradeRequest(GradeRequestBase):
    """Grade with the rubric of a registered lab (`GET /labs`)."""

    lab: Title = Field(description="The name of a registered lab (`GET /labs`).")


class RubricGradeRequest(GradeRequestBase):
    """Grade with the rubric in this request."""

    problem: Text = Field(max_length=LIMITS.problem_chars, description="The problem statement, as given to students.")
    language: Title = Field(description="The programming language, such as C or Python.")
    criteria: Annotated[
        tuple[CriterionIn, ...],
        FailFast(),
        Field(min_length=1, max_length=LIMITS.criteria, description="In the rubric's order."),
        BeforeValidator(at_most(LIMITS.criteria)),
    ]

    @model_validator(mode="after")
    def criteria_differ(self) -> "RubricGradeRequest":
        check_distinct("criterion title", [criterion.title for criterion in self.criteria])
        check_distinct("criterion id", [criterion.id or criterion.title for criterion in self.criteria])
        return self

    def rubric(self) -> Lab:
        """A lab without submissions that has this rubric."""
        return Lab(
            name="",
            problem=self.problem,
            short_problem=self.problem,
            language=canonical_name(self.language) or self.language,
            criteria=tuple(map(criterion_of, self.criteria)),
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


def _kind(body: Any) -> str:
    return "registered lab" if isinstance(body, dict) and "lab" in body else "inline rubric"


GradeRequest = Annotated[
    Annotated[LabGradeRequest, Tag("registered lab")] | Annotated[RubricGradeRequest, Tag("inline rubric")],
    Discriminator(_kind),
]
