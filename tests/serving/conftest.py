"""An engine and a grader without a model, for the tests of everything that stands behind the engine protocol."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from serving.engines.engine import EngineFailure, LabelScores, ScoreRequest

Answer = LabelScores | EngineFailure


def scores(*probabilities: float) -> LabelScores:
    """What an engine says that gives these shares of the whole vocabulary's probability to the letters."""
    return LabelScores(tuple(math.log(p) if p > 0 else -math.inf for p in probabilities))


class FakeEngine:
    """Answers from `script` in order, then by `answer`: by default the first letter, with .8 of the probability.

    `asked` holds the requests of every call, `prompts_written` the prompts of every `write`, whose answer is `text`.
    Replace `answer` to let the engine fail, or react to what a prompt says.
    """

    name = "fake"
    version = "1"

    def __init__(self, context_length: int = 100_000) -> None:
        self.context_length = context_length
        self.script: list[Answer] = []
        self.answer: Callable[[ScoreRequest], Answer] = lambda request: first_letter(len(request.labels))
        self.text: str | EngineFailure = "Because of line 1."
        self.asked: list[list[ScoreRequest]] = []
        self.prompts_written: list[tuple[int, ...]] = []
        self.closed = False

    def score(self, requests: Sequence[ScoreRequest]) -> list[Answer]:
        self.asked.append(list(requests))
        return [self.script.pop(0) if self.script else self.answer(request) for request in requests]

    def write(
        self, prompts: Sequence[tuple[int, ...]], max_tokens: int, stop: str, form: str
    ) -> list[str | EngineFailure]:
        del max_tokens, stop, form
        self.prompts_written.extend(prompts)
        return [self.text] * len(prompts)

    def close(self) -> None:
        self.closed = True


def first_letter(count: int) -> LabelScores:
    return scores(0.8, *([0.1 / (count - 1)] * (count - 1)))


@pytest.fixture
def fake_engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def fake_grader(fake_engine: FakeEngine, byte_tokenizer: Any) -> Any:
    """A `Grader` over `fake_engine`, with real prompts and a real tokenizer. It accepts, and reads nothing twice."""
    from prompts.encode import PromptEncoder
    from prompts.style import PromptStyle
    from serving.grading import Grader
    from serving.provenance import ModelIdentity
    from serving.triage import Thresholds

    identity = ModelIdentity(base_model="fake", model_hash="0" * 64, tokenizer_hash="1" * 64, prompt_hash="2" * 64)
    encoder = PromptEncoder(byte_tokenizer, context_length=fake_engine.context_length)
    return Grader(fake_engine, encoder, PromptStyle(), identity, Thresholds(calibrated=True), second_reading=False)
