"""Turns the engine's answers to one question into a criterion's grade, or into the reason why there is none."""

from collections.abc import Sequence

from labs_schema.grades import CriterionGrade, Status
from labs_schema.models import Criterion
from serving.engines.engine import EngineFailure, LabelScores
from serving.grading.scoring_requests import Question
from serving.scoring.rating_distribution import mean_distribution
from serving.scoring.triage import AcceptanceRule, ReviewCode, review_reasons


def criterion_grade(
    question: Question,
    answers: Sequence[LabelScores | EngineFailure],
    rule: AcceptanceRule,
    known_reasons: tuple[str, ...] = (),
) -> CriterionGrade:
    """The most probable rating over the question's orders, with all reasons for review.

    If one of the answers failed or cannot be read, the criterion is ungraded: a mean over the others would be biased.
    """
    criterion, readings = question.criterion, []
    for answer in answers:
        if isinstance(answer, EngineFailure):
            return ungraded(criterion, answer.reason, known_reasons)
        readings.append(answer.logprobs)
    try:
        distribution = mean_distribution(readings, question.orders)
    except ValueError as error:
        return ungraded(criterion, str(error), known_reasons)
    rating = criterion.ratings[distribution.choice]
    reasons = known_reasons + review_reasons(distribution, rule)
    titles = [rating.title for rating in criterion.ratings]
    return CriterionGrade(
        criterion=criterion.title,
        rating=rating.title,
        probabilities=dict(zip(titles, distribution.probabilities, strict=True)),
        confidence=distribution.confidence(rule.temperature),
        label_mass=distribution.label_mass,
        letters=distribution.letters,
        sources=dict(answers[0].sources) if isinstance(answers[0], LabelScores) else {},
        marks=rating.marks,
        min_marks=criterion.min_marks,
        max_marks=criterion.max_marks,
        bonus=criterion.bonus,
        status=Status.NEEDS_REVIEW if reasons else Status.ACCEPTED,
        review_reasons=reasons,
    )


def ungraded(criterion: Criterion, reason: str, known_reasons: tuple[str, ...] = ()) -> CriterionGrade:
    """A grade without rating and marks, for human review."""
    return CriterionGrade(
        criterion=criterion.title,
        ungraded=reason,
        min_marks=criterion.min_marks,
        max_marks=criterion.max_marks,
        bonus=criterion.bonus,
        status=Status.NEEDS_REVIEW,
        review_reasons=(ReviewCode.UNGRADED.reason(reason), *known_reasons),
    )
