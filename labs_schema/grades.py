"""What a grade is: a rating for every criterion or the reason why there is none, with where it came from."""

from enum import StrEnum

from pydantic import Field, model_validator

from labs_schema.frozen import Frozen


class Status(StrEnum):
    ACCEPTED = "accepted"
    NEEDS_REVIEW = "needs_review"


class CriterionGrade(Frozen):
    """The grader's answer to one criterion.

    Either `rating` (its title) or `ungraded` (a reason) is set, never both: an answer that cannot be read is not a 0.
    `probabilities` maps every rating title to the model's own share, summing to 1, empty where ungraded before scoring.
    `confidence` (0 to 1) is how probable it is that a TA gives `rating` too: the model's share of it, after the
    calibration where there is one.
    `label_mass` (0 to 1) is how much probability the model gave to the option letters at all.
    `letters`: the place of the most probable letter under each order of the ratings; empty with one order.
    `marks` and `max_marks` are None where the rubric has no marks, `marks` also where ungraded.
    """

    criterion: str
    rating: str | None = None
    ungraded: str | None = None
    probabilities: dict[str, float] = Field(default_factory=dict)
    confidence: float | None = None
    label_mass: float | None = None
    letters: tuple[int, ...] = ()
    marks: float | None = None
    max_marks: float | None = None
    status: Status = Status.NEEDS_REVIEW
    review_reasons: tuple[str, ...] = ()
    reasoning: str | None = None

    @model_validator(mode="after")
    def rated_or_ungraded(self) -> "CriterionGrade":
        if (self.rating is None) == (self.ungraded is None):
            raise ValueError("a criterion has either a rating or a reason why it is ungraded")
        return self


class Provenance(Frozen):
    """Where a grade came from: enough to replay it. Hashes are SHA-256 in hexadecimal."""

    grader_version: str
    engine: str
    engine_version: str
    base_model: str
    model_hash: str
    tokenizer_hash: str
    prompt_hash: str
    rubric_hash: str
    submission_hash: str
    settings_hash: str


class Grade(Frozen):
    """A machine grade of one submission. A total over an ungraded criterion is a range, not a number."""

    lab: str
    student: str
    criteria: tuple[CriterionGrade, ...]
    provenance: Provenance

    @property
    def marks_range(self) -> tuple[float, float] | None:
        """Lowest and highest total (equal where all is graded); None where the rubric has no marks."""
        low = high = 0.0
        for grade in self.criteria:
            if grade.max_marks is None:
                return None
            low += 0.0 if grade.marks is None else grade.marks
            high += grade.max_marks if grade.marks is None else grade.marks
        return low, high

    @property
    def max_marks(self) -> float | None:
        marks = [grade.max_marks for grade in self.criteria if grade.max_marks is not None]
        return sum(marks) if len(marks) == len(self.criteria) else None
