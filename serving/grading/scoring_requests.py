"""Scoring requests: a submission's questions to the engine, or the reason why there are none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from labs_schema.decided_by import Decided, decide
from labs_schema.errors import OverlongError
from labs_schema.models import Criterion, Lab, Submission
from prompts.encode import PromptEncoder
from prompts.messages import build_prompts
from prompts.style import PromptStyle
from serving.engines.engine import Query, ScoreRequest
from serving.injection import detect
from serving.scoring.option_orders import Order, option_orders
from serving.scoring.triage import ReviewCode

MAX_REASONS = 5
"""Findings that are listed one by one in the reasons for review."""
MAX_CONTEXTS = 4
"""A program that fills more contexts is refused: less than a quarter of it could be shown to the model."""
CHUNK_CHARS = 20_000
"""Tokens are counted in chunks, so that a huge program takes no longer than the longest accepted one."""


@dataclass(frozen=True)
class Question:
    """One criterion of one submission: a request for each order in which its ratings are shown.

    No requests if the observations have `decided` it, or if the submission was refused.
    """

    criterion: Criterion
    decided: Decided
    orders: tuple[Order, ...] = ()
    requests: tuple[ScoreRequest, ...] = ()


@dataclass(frozen=True)
class ScoringRequest:
    """A submission's questions, one per criterion in rubric order. `refused`: why no model can answer them, if so.

    `review_reasons` apply to every answer and are known before scoring.
    """

    questions: tuple[Question, ...] = ()
    refused: str = ""
    review_reasons: tuple[str, ...] = ()


def make_scoring_request(
    lab: Lab,
    submission: Submission,
    encoder: PromptEncoder,
    style: PromptStyle,
    orders: int,
    review_reasons: tuple[str, ...] = (),
) -> ScoringRequest:
    """The questions of `submission`, each in up to `orders` orders. All prompts start with the same token ids."""
    decided = [Question(criterion, decide(criterion.decided_by, submission.observations)) for criterion in lab.criteria]
    if not any(file.text.strip() for file in submission.files):
        return ScoringRequest(tuple(decided), refused="empty submission")
    if all(each.decided.rating for each in decided):
        return ScoringRequest(tuple(decided), review_reasons=review_reasons)
    shown = [() if each.decided.rating else option_orders(len(each.criterion.ratings), orders) for each in decided]
    prompts = [build_prompts(lab, submission, style, _nth_order(lab, shown, k)) for k in range(max(map(len, shown)))]
    try:
        encoded = encoder.encode([prompts[k][i] for i, each in enumerate(shown) for k in range(len(each))])
    except OverlongError as error:
        refused = f"overlong: {error.needed} tokens where {error.available} fit"
        return ScoringRequest(tuple(decided), refused, review_reasons)
    own = iter(encoded.criteria)
    questions = []
    for i, (question, each) in enumerate(zip(decided, shown, strict=True)):
        criterion = question.criterion
        letters = encoder.letter_ids(len(criterion.ratings))
        requests = tuple(
            ScoreRequest(
                encoded.shared + next(own),
                letters,
                len(encoded.shared),
                Query(lab, submission, criterion, prompts[k][i].options),
            )
            for k in range(len(each))
        )
        questions.append(replace(question, orders=each, requests=requests))
    truncated = (
        (ReviewCode.TRUNCATED.reason("the model did not see the middle of the program"),) if encoded.truncated else ()
    )
    return ScoringRequest(tuple(questions), review_reasons=review_reasons + truncated)


def known_reasons(submission: Submission, language: str) -> tuple[str, ...]:
    """Reasons for review that need no model: files that cannot be read, checks that were not run, and what the
    injection detector finds."""
    unread = (ReviewCode.UNREAD_FILES.reason(", ".join(submission.unread)),) if submission.unread else ()
    unobserved = (ReviewCode.NOT_OBSERVED.reason(submission.unobserved),) if submission.unobserved else ()
    return (*unread, *unobserved, *_suspicious_text(submission, language))


def _suspicious_text(submission: Submission, language: str) -> tuple[str, ...]:
    """The first `MAX_REASONS` findings, and how many more there are."""
    reasons = [ReviewCode.SUSPICIOUS_TEXT.reason(finding.place) for finding in detect(submission, language)]
    more = len(reasons) - MAX_REASONS
    last = (ReviewCode.SUSPICIOUS_TEXT.reason(f"{more} more places"),) if more > 0 else ()
    return (*reasons[:MAX_REASONS], *last)


def is_short(submission: Submission, context_length: int) -> bool:
    """Whether `submission` fits whatever the tokenizer: a token has at least one byte."""
    return sum(len(file.text.encode()) for file in submission.files) <= MAX_CONTEXTS * context_length


def check_length(submission: Submission, encoder: PromptEncoder) -> None:
    """Raises OverlongError for a program of more than `MAX_CONTEXTS` contexts of tokens. Thread-safe."""
    limit, tokens = MAX_CONTEXTS * encoder.context_length, 0
    if is_short(submission, encoder.context_length):
        return
    for file in submission.files:
        for start in range(0, len(file.text), CHUNK_CHARS):
            tokens += encoder.count(file.text[start : start + CHUNK_CHARS])
            if tokens > limit:
                raise OverlongError("a submission", tokens, limit)


def _nth_order(lab: Lab, shown: Sequence[Sequence[Order]], k: int) -> dict[str, list[str]]:
    """Criterion title -> the titles of its ratings in order `k`, for the criteria with more than `k` orders."""
    pairs = zip(lab.criteria, shown, strict=True)
    return {c.title: [c.ratings[rating].title for rating in each[k]] for c, each in pairs if k < len(each)}
