"""A submission's questions to the engine, or why there are none. Knows prompts and token ids, no answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from labs_schema.errors import OverlongError
from labs_schema.models import Criterion, Lab, Submission
from prompts.encode import PromptEncoder
from prompts.messages import build_prompts
from prompts.style import PromptStyle
from serving.engines.engine import ScoreRequest
from serving.injection import suspicions
from serving.scoring.option_orders import Order, option_orders
from serving.scoring.triage import SHORTENED

MOST_SUSPICIONS = 5
"""How many a list of reasons names one by one."""


@dataclass(frozen=True)
class Question:
    """One criterion of one submission: a request for each order in which its ratings are shown."""

    criterion: Criterion
    orders: tuple[Order, ...]
    requests: tuple[ScoreRequest, ...]


@dataclass(frozen=True)
class ScoringRequest:
    """A submission's questions, one a criterion in rubric order; or none and `refused`, the reason why. `doubts`: why
    a person should look at the answers, whatever they are."""

    questions: tuple[Question, ...] = ()
    refused: str = ""
    doubts: tuple[str, ...] = ()


def make_scoring_request(
    lab: Lab,
    submission: Submission,
    encoder: PromptEncoder,
    style: PromptStyle,
    orders: int,
    doubts: tuple[str, ...] = (),
) -> ScoringRequest:
    """The questions of `submission`, each in up to `orders` orders. All of them begin with the same token ids."""
    if not any(file.text.strip() for file in submission.files):
        return ScoringRequest(refused="empty submission")
    shown = [option_orders(len(criterion.ratings), orders) for criterion in lab.criteria]
    turns = [build_prompts(lab, submission, style, nth_order(lab, shown, k)) for k in range(max(map(len, shown)))]
    try:
        encoded = encoder.encode([turns[k][i] for i, each in enumerate(shown) for k in range(len(each))])
    except OverlongError as error:
        return ScoringRequest(refused=f"overlong: {error.needed} tokens where {error.available} fit", doubts=doubts)
    own = iter(encoded.criteria)
    questions = []
    for criterion, each in zip(lab.criteria, shown, strict=True):
        letters = encoder.letter_ids(len(criterion.ratings))
        requests = tuple(ScoreRequest(encoded.shared + next(own), letters, len(encoded.shared)) for _ in each)
        questions.append(Question(criterion, each, requests))
    return ScoringRequest(tuple(questions), doubts=doubts + ((SHORTENED,) if encoded.cut else ()))


def suspicious_text(submission: Submission, language: str) -> tuple[str, ...]:
    """Reasons for a review, one a place that may talk to the grader, and how many more there are."""
    reasons = tuple(dict.fromkeys(found.reason for found in suspicions(submission, language)))
    more = len(reasons) - MOST_SUSPICIONS
    return (*reasons[:MOST_SUSPICIONS], f"suspicious text: {more} more places") if more > 0 else reasons


def nth_order(lab: Lab, shown: Sequence[Sequence[Order]], k: int) -> dict[str, list[str]]:
    """Criterion title -> the titles of its ratings in its order `k`, of those that have so many."""
    pairs = zip(lab.criteria, shown, strict=True)
    return {c.title: [c.ratings[rating].title for rating in each[k]] for c, each in pairs if k < len(each)}
