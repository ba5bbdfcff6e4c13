"""An engine's answers to one question become a criterion's grade, or the reason why there is none. Knows no prompt."""

from collections.abc import Sequence

from labs_schema.grades import CriterionGrade, Status
from labs_schema.models import Criterion
from serving.engines.engine import EngineFailure, LabelScores
from serving.grading.scoring_requests import Question
from serving.scoring.scores import mean_belief
from serving.scoring.triage import UNGRADED, Rule, review_reasons


def graded(
    question: Question, answers: Sequence[LabelScores | EngineFailure], rule: Rule, doubts: tuple[str, ...] = ()
) -> CriterionGrade:
    """The most probable rating over the question's orders. `doubts` are reasons for a review that were known before
    the answers. One answer that failed or cannot be read leaves the criterion ungraded: the others are a part only."""
    criterion, readings = question.criterion, []
    for answer in answers:
        if isinstance(answer, EngineFailure):
            return ungraded(criterion, answer.reason, doubts)
        readings.append(answer.logprobs)
    try:
        believed = mean_belief(readings, question.orders)
    except ValueError as error:
        return ungraded(criterion, str(error), doubts)
    rating = criterion.ratings[believed.choice]
    reasons = doubts + review_reasons(believed, rule)
    titles = [rating.title for rating in criterion.ratings]
    return CriterionGrade(
        criterion=criterion.title,
        rating=rating.title,
        probabilities=dict(zip(titles, believed.probabilities, strict=True)),
        confidence=believed.confidence(rule.temperature),
        label_mass=believed.label_mass,
        letters=believed.letters,
        marks=rating.marks,
        max_marks=criterion.max_marks,
        status=Status.NEEDS_REVIEW if reasons else Status.ACCEPTED,
        review_reasons=reasons,
    )


def ungraded(criterion: Criterion, reason: str, doubts: tuple[str, ...] = ()) -> CriterionGrade:
    """No rating and no marks, for a person to grade."""
    return CriterionGrade(
        criterion=criterion.title,
        ungraded=reason,
        max_marks=criterion.max_marks,
        status=Status.NEEDS_REVIEW,
        review_reasons=(UNGRADED, *doubts),
    )
