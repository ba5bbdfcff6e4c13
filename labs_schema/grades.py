"""The machine grade: a rating for each criterion or the reason it is ungraded, with its provenance."""

from enum import StrEnum

from pydantic import Field, model_validator

from labs_schema.frozen import Frozen


class Status(StrEnum):
    ACCEPTED = "accepted"
    NEEDS_REVIEW = "needs_review"


class CriterionGrade(Frozen):
    """The grade of one criterion.

    Exactly one of `rating` (a title) and `ungraded` (a reason) is set: an unreadable answer is not a rating of 0.
    `probabilities` maps every rating title to the model's probability, summing to 1; empty if ungraded before scoring.
    `confidence` (0 to 1) is the probability that a TA gives the same `rating`: calibrated if a calibration is loaded,
    otherwise the model's own. `label_mass` (0 to 1) is the total probability of the option letters among all tokens.
    `letters` are the positions of the most probable letter in each option order; empty with a single order.
    `sources` maps each source of a head's answer (such as `code tokens`) to what it adds to the log-odds of the rating
    against the second most probable one; empty for a language model.
    `marks` and `max_marks` are None if the rubric has no marks; `marks` also if ungraded.
    """

    criterion: str
    rating: str | None = None
    ungraded: str | None = None
    probabilities: dict[str, float] = Field(default_factory=dict)
    confidence: float | None = None
    label_mass: float | None = None
    letters: tuple[int, ...] = ()
    sources: dict[str, float] = Field(default_factory=dict)
    marks: float | None = None
    max_marks: float | None = None
    status: Status = Status.NEEDS_REVIEW
    review_reasons: tuple[str, ...] = ()
    reasoning: str | None = None

    @model_validator(mode="after")
    def rated_or_ungraded(self) -> "CriterionGrade":
        if (self.rating is None) == (self.ungraded is None):
            raise ValueError("exactly one of rating and ungraded must be set")
        return self


class Provenance(Frozen):
    """Everything needed to reproduce a grade. Hashes are SHA-256 in hexadecimal."""

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
    """The machine grade of a submission. With ungraded criteria the total is a range.

    `provenance` is None if no model graded it: the student has no readable program, or the job gave it up.
    """

    lab: str
    student: str
    criteria: tuple[CriterionGrade, ...]
    provenance: Provenance | None

    @property
    def origin(self) -> Provenance:
        """The provenance of a grade that a model gave. Raises ValueError for any other."""
        if self.provenance is None:
            raise ValueError(f"no model graded the submission in {self.lab}")
        return self.provenance

    @property
    def marks_range(self) -> tuple[float, float] | None:
        """Lowest and highest possible total, equal if all criteria are graded; None if the rubric has no marks."""
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
