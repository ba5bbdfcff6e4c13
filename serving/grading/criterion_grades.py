"""Turns the engine's answers to one question into a criterion's grade, or into the reason why there is none."""

from collections.abc import Mapping, Sequence
from typing import Any

from labs_schema.decided_by import evidence_lines
from labs_schema.grades import CriterionGrade, Status
from labs_schema.models import Criterion
from labs_schema.observations import EvidenceLine
from serving.engines.engine import EngineFailure, LabelScores
from serving.grading.scoring_requests import Question
from serving.scoring.rating_distribution import mean_distribution
from serving.scoring.triage import AcceptanceRule, ReviewCode, review_reasons

MIN_EVIDENCE = 0.1
"""Log-odds that evidence must move a head's rating to be listed with it."""


def criterion_grade(
    question: Question,
    answers: Sequence[LabelScores | EngineFailure],
    rule: AcceptanceRule,
    known_reasons: tuple[str, ...] = (),
) -> CriterionGrade:
    """The most probable rating over the question's orders, with all reasons for review.

    If one of the answers failed or cannot be read, the criterion is ungraded: a mean over the others would be biased.
    A criterion that its rubric lets observations decide needs review if they did not.
    """
    criterion, readings = question.criterion, []
    known_reasons += _undecided(question)
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
    sources = dict(answers[0].sources) if isinstance(answers[0], LabelScores) else {}
    return _grade(
        criterion,
        reasons,
        rating=rating.title,
        probabilities=dict(zip(titles, distribution.probabilities, strict=True)),
        confidence=distribution.confidence(rule.temperature),
        label_mass=distribution.label_mass,
        letters=distribution.letters,
        sources=sources,
        evidence=_shown_evidence(question, sources),
        marks=rating.marks,
    )


def unanswered(question: Question, refused: str, known_reasons: tuple[str, ...]) -> CriterionGrade:
    """The grade of a criterion without an answer of a model: decided by the observations, or ungraded.

    A rating that rests on a passed unit test needs review, as the program could have forged it.
    """
    criterion, title = question.criterion, question.decided.rating
    if title is None:
        return ungraded(criterion, refused, known_reasons)
    marks, evidence = criterion.rating(title).marks, question.decided.evidence
    reasons = known_reasons + _not_isolated(question)
    return _grade(criterion, reasons, rating=title, evidence=evidence, decided=True, marks=marks)


def _not_isolated(question: Question) -> tuple[str, ...]:
    names = ", ".join(map(repr, question.decided.not_isolated))[:300]
    return (ReviewCode.NOT_ISOLATED.reason(f"the program could have changed the outcome of {names}"),) if names else ()


def _undecided(question: Question) -> tuple[str, ...]:
    rules = question.criterion.decided_by
    return (ReviewCode.NOT_DECIDED.reason(question.decided.missing),) if rules else ()


def _shown_evidence(question: Question, sources: Mapping[str, float]) -> tuple[EvidenceLine, ...]:
    """The evidence next to a model's rating; nothing where a head made little of it."""
    query = question.requests[0].query
    observations = query.submission.observations if query else None
    if observations is None or (sources and abs(sources.get("evidence", 0.0)) < MIN_EVIDENCE):
        return ()
    return evidence_lines([each for each in observations.results if not each.passed or each is observations.build])


def ungraded(criterion: Criterion, reason: str, known_reasons: tuple[str, ...] = ()) -> CriterionGrade:
    """A grade without rating and marks, for human review."""
    return _grade(criterion, (ReviewCode.UNGRADED.reason(reason), *known_reasons), ungraded=reason)


def _grade(criterion: Criterion, reasons: tuple[str, ...], **given: Any) -> CriterionGrade:
    """Accepted if there is no reason for review."""
    return CriterionGrade(
        criterion=criterion.title,
        min_marks=criterion.min_marks,
        max_marks=criterion.max_marks,
        bonus=criterion.bonus,
        status=Status.NEEDS_REVIEW if reasons else Status.ACCEPTED,
        review_reasons=reasons,
        **given,
    )
