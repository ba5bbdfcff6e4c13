"""The machine grade: a rating for each criterion or the reason it is ungraded, with its provenance."""

import math
from collections.abc import Iterable
from enum import StrEnum

from pydantic import Field, model_validator

from labs_schema.frozen import Frozen
from labs_schema.observations import EvidenceLine


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
    `evidence`: what was observed that the rating rests on. `decided`: the rubric's `decided_by` gave the rating by this
    evidence, and no model was used; there are no probabilities and no confidence then.
    `marks`, `min_marks` and `max_marks` are None if the rubric has no marks; `marks` also if ungraded.
    """

    criterion: str
    rating: str | None = None
    ungraded: str | None = None
    probabilities: dict[str, float] = Field(default_factory=dict)
    confidence: float | None = None
    label_mass: float | None = None
    letters: tuple[int, ...] = ()
    sources: dict[str, float] = Field(default_factory=dict)
    evidence: tuple[EvidenceLine, ...] = ()
    decided: bool = False
    marks: float | None = None
    min_marks: float | None = None
    max_marks: float | None = None
    bonus: bool = False
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

    grader_version: str = Field(description="The version of grader.")
    engine: str = Field(description="What computed the probabilities, such as vllm or head.")
    engine_version: str = Field(description="The version of the engine's library.")
    base_model: str = Field(description="The base model's name.")
    model_hash: str = Field(description="Of the weights.")
    tokenizer_hash: str = Field(description="Of the tokenizer.")
    prompt_hash: str = Field(description="Of the prompt's templates and frame.")
    rubric_hash: str = Field(description="Of the rubric and the problem statement.")
    submission_hash: str = Field(description="Of the submission's files.")
    settings_hash: str = Field(description="Of the grading settings.")
    observations_hash: str | None = Field(
        default=None, description="Of what was observed of the submission; null if nothing was."
    )


class Grade(Frozen):
    """The machine grade of a submission. With ungraded criteria the total is a range.

    `provenance` is None if no model graded it: the student has no readable program, or the job gave it up. A person can
    override such a grade too.
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
        """Lowest and highest possible total, equal if all criteria are graded; None if the rubric has no marks.

        Deductions do not reduce a total below 0, except by a rubric of deductions only, whose highest total is 0.
        """
        highest = self.max_marks
        if highest is None:
            return None
        floor = 0.0 if highest > 0 else -math.inf
        low = total_marks(each.min_marks or 0.0 if each.marks is None else each.marks for each in self.criteria)
        high = total_marks(each.max_marks or 0.0 if each.marks is None else each.marks for each in self.criteria)
        return max(low, floor), max(high, floor)

    @property
    def max_marks(self) -> float | None:
        """The highest total without bonus; with it, if all criteria are bonus. None if the rubric has no marks."""
        return highest_total((each.max_marks, each.bonus) for each in self.criteria)


def highest_total(criteria: Iterable[tuple[float | None, bool]]) -> float | None:
    """The highest total of criteria given as (highest marks, is bonus), as `Grade.max_marks` defines it."""
    found = list(criteria)
    counted = [marks for marks, bonus in found if not bonus] or [marks for marks, _ in found]
    if any(marks is None for marks, _ in found) or not found:
        return None
    return total_marks(marks for marks in counted if marks is not None)


def total_marks(marks: Iterable[float]) -> float:
    """The sum, rounded to a millionth of a mark: ten tenths are 1."""
    return round(math.fsum(marks), 6) + 0.0
