"""What the API answers, in Canvas's words: criteria, ratings, id, description, points. Knows grades, no HTTP."""

from collections.abc import Mapping

from pydantic import Field

from labs_schema.frozen import Frozen
from labs_schema.grades import CriterionGrade, Grade, Provenance, Status
from labs_schema.models import Criterion, Lab, Rating


class RatingOut(Frozen):
    id: str
    description: str
    points: float | None


class BelievedRating(RatingOut):
    """A rating with the probability that the model gives it; null where the criterion was not scored."""

    probability: float | None


class GradedCriterion(Frozen):
    """Either `rating` or `ungraded`, the reason why there is none, is set. `points` are those of the rating."""

    id: str
    title: str
    rating: RatingOut | None
    ungraded: str | None
    points: float | None
    max_points: float | None
    ratings: tuple[BelievedRating, ...]
    confidence: float | None = Field(
        description="How probable it is that a TA gives this rating too; calibrated where the model is."
    )
    label_mass: float | None = Field(description="How much probability the model gave to answering with a letter.")
    status: Status
    review_reasons: tuple[str, ...] = Field(description="Why a person should look; empty where accepted.")
    reasoning: str | None


class PointsRange(Frozen):
    low: float
    high: float


class GradeResponse(Frozen):
    """`points` is the total, null where a criterion is ungraded (`points_range` says what is possible) or the rubric
    has no points. `grade_id` names the grade as it is kept."""

    grade_id: str
    lab: str | None
    criteria: tuple[GradedCriterion, ...]
    points: float | None
    points_range: PointsRange | None
    max_points: float | None
    provenance: Provenance


class RubricCriterion(Frozen):
    id: str
    title: str
    description: str
    max_points: float | None
    ratings: tuple[RatingOut, ...]


class LabSummary(Frozen):
    name: str
    language: str
    criteria: int
    max_points: float | None


class LabRubric(Frozen):
    name: str
    language: str
    problem: str
    criteria: tuple[RubricCriterion, ...]


class LabList(Frozen):
    labs: tuple[LabSummary, ...]


class Health(Frozen):
    status: str


def graded(lab: Lab, grade: Grade, grade_id: str, ids: Mapping[str, str] | None = None) -> GradeResponse:
    """`grade` in the API's words. `ids`: criterion title -> id, where they differ."""
    total, ids = grade.marks_range, ids or {}
    return GradeResponse(
        grade_id=grade_id,
        lab=lab.name or None,
        criteria=tuple(
            _graded(ids.get(answer.criterion, answer.criterion), lab.criterion(answer.criterion), answer)
            for answer in grade.criteria
        ),
        points=total[0] if total and all(answer.rating for answer in grade.criteria) else None,
        points_range=PointsRange(low=total[0], high=total[1]) if total else None,
        max_points=grade.max_marks,
        provenance=grade.provenance,
    )


def summary(lab: Lab) -> LabSummary:
    marks = [c.max_marks for c in lab.criteria if c.max_marks is not None]
    total = sum(marks) if len(marks) == len(lab.criteria) else None
    return LabSummary(name=lab.name, language=lab.language, criteria=len(lab.criteria), max_points=total)


def rubric(lab: Lab) -> LabRubric:
    criteria = tuple(
        RubricCriterion(
            id=c.title,
            title=c.title,
            description=c.description,
            max_points=c.max_marks,
            ratings=tuple(map(_rating, c.ratings)),
        )
        for c in lab.criteria
    )
    return LabRubric(name=lab.name, language=lab.language, problem=lab.problem, criteria=criteria)


def _graded(id_: str, criterion: Criterion, answer: CriterionGrade) -> GradedCriterion:
    shares = answer.probabilities
    return GradedCriterion(
        id=id_,
        title=criterion.title,
        rating=None if answer.rating is None else _rating(criterion.rating(answer.rating)),
        ungraded=answer.ungraded,
        points=answer.marks,
        max_points=answer.max_marks,
        ratings=tuple(
            BelievedRating(**_rating(r).model_dump(), probability=shares.get(r.title)) for r in criterion.ratings
        ),
        confidence=answer.confidence,
        label_mass=answer.label_mass,
        status=answer.status,
        review_reasons=answer.review_reasons,
        reasoning=answer.reasoning,
    )


def _rating(rating: Rating) -> RatingOut:
    return RatingOut(id=rating.title, description=rating.description, points=rating.marks)
