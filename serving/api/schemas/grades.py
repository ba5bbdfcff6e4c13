"""Bodies of responses about grades and rubrics, in Canvas's terms: criteria, ratings, id, description, points."""

from collections.abc import Mapping

from pydantic import Field

from labs_schema.errors import issue_texts
from labs_schema.frozen import Frozen
from labs_schema.grades import CriterionGrade, Grade, Provenance, Status, highest_total
from labs_schema.models import Criterion, Lab, Rating
from labs_schema.observations import EvidenceLine


class RatingOut(Frozen):
    id: str = Field(description="The rating's title, such as A.")
    description: str = Field(description="The rubric's text for the rating.")
    points: float | None = Field(description="Null if the rubric has no points.")


class ScoredRating(RatingOut):
    """A rating with the model's probability for it, null if the criterion was not scored."""

    probability: float | None = Field(
        description="The model's probability for this rating, null if the criterion was not scored."
    )


class GradedCriterion(Frozen):
    """Has either a `rating` or `ungraded`, the reason why there is none. `points` are those of the rating."""

    id: str = Field(description="The id from the request, or the title.")
    title: str = Field(description="The criterion's title.")
    rating: RatingOut | None = Field(description="The chosen rating, null if ungraded.")
    ungraded: str | None = Field(description="Why there is no rating, null if there is one.")
    points: float | None = Field(description="The points of the chosen rating.")
    max_points: float | None = Field(description="The most points that a rating of the criterion gives.")
    bonus: bool = Field(default=False, description="Its points add to the total, but not to the maximum.")
    ratings: tuple[ScoredRating, ...] = Field(description="All ratings in the rubric's order.")
    confidence: float | None = Field(
        description="Estimated probability that a TA gives this rating too; calibrated if the model is."
    )
    label_mass: float | None = Field(description="The total probability of the option letters.")
    sources: dict[str, float] = Field(
        default={},
        description="What each source of a head's answer adds to the log-odds of the rating against the next one; "
        "empty for a language model.",
    )
    evidence: tuple[EvidenceLine, ...] = Field(
        default=(), description="Observed outcomes that the rating rests on, failures first."
    )
    decided: bool = Field(
        default=False, description="The rubric's `decided_by` gave the rating by the evidence; no model was used."
    )
    status: Status = Field(description="`needs_review` if a human should confirm the rating.")
    review_reasons: tuple[str, ...] = Field(description="Why a human should review it; empty if accepted.")
    reasoning: str | None = Field(description="The model's explanation, if requested. It does not affect the rating.")


class PointsRange(Frozen):
    low: float = Field(description="The lowest possible total.")
    high: float = Field(description="The highest possible total.")


class GradeResponse(Frozen):
    """A stored grade. `points` is the total: null if the rubric has no points, or if a criterion is ungraded; then
    `points_range` has the possible totals."""

    grade_id: str = Field(description="For `GET /grades/{grade_id}`.")
    lab: str | None = Field(description="The lab's name, null if the request had its own rubric.")
    criteria: tuple[GradedCriterion, ...] = Field(description="One for each criterion, in the rubric's order.")
    points: float | None = Field(description="The total, null if a criterion is ungraded or the rubric has no points.")
    points_range: PointsRange | None = Field(
        description="The possible totals, given what is ungraded; null if the rubric has no points."
    )
    max_points: float | None = Field(description="The highest total without bonus, null if the rubric has no points.")
    provenance: Provenance | None = Field(description="What the grade was made with; null if no model graded it.")


class RubricCriterion(Frozen):
    id: str = Field(description="The id for requests: the title.")
    title: str = Field(description="The criterion's title.")
    description: str = Field(description="The rubric's text for the criterion.")
    max_points: float | None = Field(description="The most points that a rating of the criterion gives.")
    bonus: bool = Field(default=False, description="Its points add to the total, but not to the maximum.")
    ratings: tuple[RatingOut, ...] = Field(description="All ratings in the rubric's order.")


class LabWarning(Frozen):
    """A kind of issue that `grader check` reports about the lab. It is not the cause of a failure."""

    code: str = Field(description="The code of the issue.")
    count: int = Field(description="The number of issues.")
    meaning: str = Field(description="The code in one sentence.")


def lab_warnings(counts: Mapping[str, int]) -> tuple[LabWarning, ...]:
    texts = issue_texts()
    return tuple(LabWarning(code=code, count=count, meaning=texts[code]["meaning"]) for code, count in counts.items())


class LabSummary(Frozen):
    name: str = Field(description="For `GET /labs/{lab}` and `POST /grade`.")
    language: str = Field(description="The programming language.")
    criteria: int = Field(description="The number of criteria.")
    max_points: float | None = Field(description="The highest total without bonus, null if the rubric has no points.")
    warnings: tuple[LabWarning, ...] = Field(description="Issues of the lab that leave it usable.")


class LabRubric(Frozen):
    name: str = Field(description="The lab's name.")
    language: str = Field(description="The programming language.")
    problem: str = Field(description="The problem statement.")
    criteria: tuple[RubricCriterion, ...] = Field(description="The criteria in the rubric's order.")
    warnings: tuple[LabWarning, ...] = Field(description="Issues of the lab that leave it usable.")


class LabList(Frozen):
    labs: tuple[LabSummary, ...] = Field(description="Sorted by name.")


class Health(Frozen):
    status: str = Field(description="`alive` or `ready`.")


def grade_response(lab: Lab, grade: Grade, grade_id: str, ids: Mapping[str, str] | None = None) -> GradeResponse:
    """`ids`: criterion title -> id, where they differ."""
    total, ids = grade.marks_range, ids or {}
    return GradeResponse(
        grade_id=grade_id,
        lab=lab.name or None,
        criteria=tuple(
            _graded_criterion(ids.get(each.criterion, each.criterion), lab.criterion(each.criterion), each)
            for each in grade.criteria
        ),
        points=total[0] if total and all(each.rating for each in grade.criteria) else None,
        points_range=PointsRange(low=total[0], high=total[1]) if total else None,
        max_points=grade.max_marks,
        provenance=grade.provenance,
    )


def lab_summary(lab: Lab) -> LabSummary:
    total = highest_total((criterion.max_marks, criterion.bonus) for criterion in lab.criteria)
    return LabSummary(
        name=lab.name,
        language=lab.language,
        criteria=len(lab.criteria),
        max_points=total,
        warnings=lab_warnings(lab.warnings),
    )


def lab_rubric(lab: Lab) -> LabRubric:
    criteria = tuple(
        RubricCriterion(
            id=c.title,
            title=c.title,
            description=c.description,
            max_points=c.max_marks,
            bonus=c.bonus,
            ratings=tuple(map(_rating, c.ratings)),
        )
        for c in lab.criteria
    )
    return LabRubric(
        name=lab.name,
        language=lab.language,
        problem=lab.problem,
        criteria=criteria,
        warnings=lab_warnings(lab.warnings),
    )


def _graded_criterion(id_: str, criterion: Criterion, grade: CriterionGrade) -> GradedCriterion:
    probabilities = grade.probabilities
    return GradedCriterion(
        id=id_,
        title=criterion.title,
        rating=None if grade.rating is None else _rating(criterion.rating(grade.rating)),
        ungraded=grade.ungraded,
        points=grade.marks,
        max_points=grade.max_marks,
        bonus=grade.bonus,
        ratings=tuple(
            ScoredRating(**_rating(r).model_dump(), probability=probabilities.get(r.title)) for r in criterion.ratings
        ),
        confidence=grade.confidence,
        label_mass=grade.label_mass,
        sources=grade.sources,
        evidence=grade.evidence,
        decided=grade.decided,
        status=grade.status,
        review_reasons=grade.review_reasons,
        reasoning=grade.reasoning,
    )


def _rating(rating: Rating) -> RatingOut:
    return RatingOut(id=rating.title, description=rating.description, points=rating.marks)
