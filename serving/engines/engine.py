"""The protocol that every engine implements: token ids in, log-probabilities of the option letters out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from labs_schema.errors import GraderError
from labs_schema.frozen import Frozen
from labs_schema.hashes import observations_hash, submission_hash
from labs_schema.models import Criterion, Lab, Submission


@dataclass(frozen=True)
class Query:
    """A request as a question, for engines that do not read prompts. `options`: the ratings in the labels' order."""

    lab: Lab
    submission: Submission
    criterion: Criterion
    options: tuple[str, ...]

    @property
    def program(self) -> str:
        """The same for all requests about one program with the same observations."""
        hashes = submission_hash(self.submission), observations_hash(self.submission)
        return f"{self.lab.name} {self.lab.language} {hashes}"


@dataclass(frozen=True)
class ScoreRequest:
    """Score `labels` (token ids) as the next token after `prompt` (token ids).

    `shared`: length of the prefix that all requests about the same program have in common; 0 if unknown.
    """

    prompt: tuple[int, ...]
    labels: tuple[int, ...]
    shared: int = 0
    query: Query | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class LabelScores:
    """`logprobs[i]`: natural log-probability of `labels[i]` over the full vocabulary, unmasked, at temperature 1.

    `sources`: source of the answer -> what it adds to the log-odds of the most probable label against the next one.
    """

    logprobs: tuple[float, ...]
    sources: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class EngineFailure:
    """A request that the engine could not answer, with the `reason` to show to users."""

    reason: str


class EngineDownError(GraderError):
    """The engine as a whole does not answer. The requests themselves may be fine and can be sent again later."""

    code = "engine-down"


class EngineOptions(Frozen):
    """The model that an engine loads, or that servers must already serve.

    `weights`, `tokenizer`: a folder or hub id. `context_length` in tokens (None: the model's own). `adapter`: a folder
    with a LoRA adapter, which vLLM and servers can use. `model_hash` is the hash of the weights, `adapter_hash` that of
    weights and adapter together; servers must use the start of them as model names. Servers ignore `dtype`.
    """

    weights: str
    tokenizer: str
    context_length: int | None = None
    dtype: str = "bfloat16"
    adapter: Path | None = None
    model_hash: str = ""
    adapter_hash: str = ""


class Sampling(Frozen):
    """Settings for free text: at most `max_tokens` tokens, greedily at `temperature` 0. Prompt i of a file is sampled
    with `seed` + i."""

    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class WrittenText:
    """`finished`: the model ended its answer; otherwise the limit of tokens did."""

    text: str
    finished: bool


class Engine(Protocol):
    """A loaded model, ready to answer. Not thread-safe: one caller at a time."""

    name: str
    """Such as `vllm` or `transformers`."""
    version: str
    context_length: int
    """Tokens, prompt and answer together."""

    def score(self, requests: Sequence[ScoreRequest]) -> list[LabelScores | EngineFailure]:
        """One answer per request, in order. Place requests that share a prefix next to each other: the engine then
        computes the prefix once.

        Raises EngineDownError.
        """
        ...

    def write(
        self, prompts: Sequence[tuple[int, ...]], max_tokens: int, stop: str, form: str
    ) -> list[str | EngineFailure]:
        """Continue each prompt greedily as text, up to `stop`, which is not part of the answer.

        `form` is a regular expression for the complete answer, including `stop`. Engines with constrained sampling
        enforce it; others ignore it, so the caller validates the answer in either case.
        An answer that does not reach `stop` within `max_tokens` is a failure.
        """
        ...

    def close(self) -> None: ...


class TextEngine(Protocol):
    """An engine that writes free text."""

    context_length: int

    def generate(
        self, prompts: Sequence[tuple[int, ...]], sampling: Sampling, end: tuple[int, ...], first: int = 0
    ) -> list[WrittenText | EngineFailure]:
        """An answer for each prompt, up to one of the tokens `end`. `first`: the number of the first prompt in its
        file."""
        ...

    def close(self) -> None: ...


def invalid_prompt(
    prompt: tuple[int, ...], answer_tokens: int, context_length: int, vocabulary_size: int | None = None
) -> EngineFailure | None:
    """Why `prompt` cannot be continued by `answer_tokens` tokens, None if it can.

    Engines check this first: vLLM fails a batch as a whole for one invalid prompt in it.
    """
    if not prompt:
        return EngineFailure("the prompt is empty")
    if len(prompt) + answer_tokens > context_length:
        return EngineFailure(f"overlong: {len(prompt)} prompt tokens plus the answer exceed {context_length} tokens")
    if vocabulary_size is not None and max(prompt) >= vocabulary_size:
        return EngineFailure("the prompt contains token ids outside the model's vocabulary")
    return None


def unfinished_answer(max_tokens: int) -> EngineFailure:
    """The failure of a text that did not reach its stop string."""
    return EngineFailure(f"the answer did not end within {max_tokens} tokens")
