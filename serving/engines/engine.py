"""The protocol that every engine speaks: token ids in, log-probabilities of the option letters out.

Knows no lab, no rubric and no rating: an engine is handed ids and label ids and cannot tell which label is good.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from labs_schema.errors import GraderError


@dataclass(frozen=True)
class ScoreRequest:
    """Score `labels` (token ids) as the next token after `prompt` (token ids).

    `shared`: how many first tokens of `prompt` all questions about the same program begin with; 0 where nobody knows.
    """

    prompt: tuple[int, ...]
    labels: tuple[int, ...]
    shared: int = 0


@dataclass(frozen=True)
class LabelScores:
    """`logprobs[i]`: natural log-probability of `labels[i]` over the whole vocabulary, unmasked, at temperature 1."""

    logprobs: tuple[float, ...]


@dataclass(frozen=True)
class EngineFailure:
    """A request that the engine could not answer. `reason` is shown to people; never a made-up score."""

    reason: str


class EngineDownError(GraderError):
    """The engine as a whole does not answer. Nothing is known of the requests: they may be asked again later."""


class Engine(Protocol):
    """A model that is loaded and ready. Not thread-safe: one caller at a time."""

    name: str
    """Such as `vllm` or `transformers`."""
    version: str
    context_length: int
    """Tokens, prompt and answer together."""

    def score(self, requests: Sequence[ScoreRequest]) -> list[LabelScores | EngineFailure]:
        """One answer a request, in order. Requests that share a prefix should be neighbours: it is computed once.

        Raises EngineDownError.
        """
        ...

    def write(
        self, prompts: Sequence[tuple[int, ...]], max_tokens: int, stop: str, form: str
    ) -> list[str | EngineFailure]:
        """Continue each prompt greedily as text, until `stop` (left out of the answer).

        `form` is a regular expression of the whole answer, `stop` included. An engine that can constrain its sampling
        keeps to it; of another the caller checks what comes back, as it does anyway.
        An answer that does not reach `stop` within `max_tokens` is a failure, not half an answer.
        """
        ...

    def close(self) -> None: ...
