"""Every engine returns the model's own probabilities and fails in the same way.

Each real engine is started once per session: vLLM in this process, an adapter on a shared base, and `vllm serve`.
"""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from labs_schema.models import Lab
from prompts.encode import PromptEncoder
from prompts.style import PromptStyle
from prompts.verdict import CLOSING
from serving.engines.engine import EngineFailure, LabelScores, ScoreRequest
from serving.grading.explanations import REASON_FORM
from serving.grading.grader import Grader
from serving.grading.provenance import ModelIdentity
from serving.scoring.rating_distribution import RatingDistribution, rating_distribution

CONSTRAINED = [pytest.param(name, marks=pytest.mark.slow) for name in ("vllm", "vllm-adapter", "vllm-http")]


def tokens(seed: int, count: int) -> tuple[int, ...]:
    rng = random.Random(seed)
    return tuple(rng.randrange(3, 500) for _ in range(count))


def questions(submissions: int, criteria: int) -> list[ScoreRequest]:
    """Prompts of 200 to 700 shared and 40 to 80 own tokens, with 2 to 5 letters."""
    return [
        ScoreRequest(tokens(s, 200 + 100 * (s % 6)) + tokens(100 * s + c, 40 + 10 * c), tuple(range(34, 36 + c % 4)))
        for s in range(submissions)
        for c in range(criteria)
    ]


def distributions(answers: Sequence[LabelScores | EngineFailure]) -> list[RatingDistribution]:
    assert all(isinstance(answer, LabelScores) for answer in answers), answers
    return [rating_distribution(answer.logprobs) for answer in answers if isinstance(answer, LabelScores)]


def largest_difference(ones: list[RatingDistribution], others: list[RatingDistribution]) -> float:
    """Over all probabilities and label masses."""
    pairs = zip(ones, others, strict=True)
    return max(
        abs(a - b)
        for one, other in pairs
        for a, b in zip((*one.probabilities, one.label_mass), (*other.probabilities, other.label_mass), strict=True)
    )


@pytest.mark.parametrize("engine_case", ["transformers", *CONSTRAINED], indirect=True)
class TestEngineContract:
    def test_probabilities_match_the_model(self, engine_case: Any) -> None:
        requests = questions(submissions=4, criteria=5)
        ours, reference = distributions(engine_case.engine.score(requests)), engine_case.reference(requests)
        assert largest_difference(ours, distributions(reference)) < engine_case.tolerance
        assert len({one.choice for one in ours}) > 1

    def test_cached_prefixes_and_batching_do_not_change_scores(self, engine_case: Any) -> None:
        score, requests = engine_case.engine.score, questions(submissions=3, criteria=4)
        together, again = distributions(score(requests)), distributions(score(requests))
        alone = distributions([score([request])[0] for request in requests])
        assert largest_difference(together, again) < engine_case.tolerance
        assert largest_difference(together, alone) < engine_case.tolerance

    def test_an_invalid_prompt_fails_alone(self, engine_case: Any) -> None:
        valid, too_long = tokens(6, 10), tokens(7, engine_case.engine.context_length)
        prompts = (valid, too_long, (), (9_999,), valid)
        answers = engine_case.engine.score([ScoreRequest(prompt, (34, 35)) for prompt in prompts])
        assert [isinstance(answer, EngineFailure) for answer in answers] == [False, True, True, True, False]
        assert answers[1].reason.startswith("overlong")

    def test_the_longest_prompt_and_26_letters_are_answered(self, engine_case: Any) -> None:
        longest = tokens(1, engine_case.engine.context_length - 1)
        answers = engine_case.engine.score(
            [ScoreRequest(longest, (34, 35)), ScoreRequest(tokens(2, 5), tuple(range(34, 60)))]
        )
        assert [len(answer.logprobs) for answer in answers] == [2, 26]

    def test_no_requests_give_no_answers(self, engine_case: Any) -> None:
        assert (engine_case.engine.score([]), engine_case.engine.write([], 5, '"', ".*")) == ([], [])

    def test_writing_ends_before_the_stop_string(self, engine_case: Any) -> None:
        prompt = (*tokens(8, 10), 34)  # ends with a letter, so that the text does not start inside a character
        form = "(ab|b)\\."
        if engine_case.engine.name == "transformers":  # unconstrained: stop at what the model writes anyway
            free, stop = greedy_text(engine_case, prompt, 12), ""
            stop = free[len(free) // 2]
            expected = free.split(stop)[0]
        else:
            stop, expected = ".", None
        text, failure = engine_case.engine.write([prompt, ()], 12, stop, form)
        assert text == expected if expected is not None else text in ("ab", "b")
        assert failure == EngineFailure("the prompt is empty")

    def test_a_text_without_its_stop_string_is_a_failure(self, engine_case: Any) -> None:
        assert engine_case.engine.write([tokens(8, 10)], 3, "~~", "b{9}~~") == [
            EngineFailure("the answer did not end within 3 tokens")
        ]

    def test_grade_equals_the_reference(
        self, engine_case: Any, byte_tokenizer: Any, make_lab: Callable[..., Lab]
    ) -> None:
        lab = make_lab(students=5)
        ours, reference = (
            graded(engine, byte_tokenizer, lab) for engine in (engine_case.engine, Reference(engine_case))
        )
        for one, two in zip(ours, reference, strict=True):
            assert one.probabilities == pytest.approx(two.probabilities, abs=engine_case.tolerance)
            first, second, *_ = sorted(one.probabilities.values(), reverse=True)
            assert one.rating == two.rating or first - second < 2 * engine_case.tolerance


@pytest.mark.parametrize("engine_case", CONSTRAINED, indirect=True)
def test_constrained_text_matches_its_regular_expression(engine_case: Any) -> None:
    short = REASON_FORM.replace(")+", "){1,4}")
    texts = engine_case.engine.write([(*tokens(seed, 10), 34) for seed in range(8)], 60, CLOSING, short)
    assert all(isinstance(text, str) and len(json.loads(f'"{text}"')) <= 4 for text in texts)
    assert len(set(texts)) > 1


class Reference:
    """The reference as an engine that only scores."""

    name, version = "reference", "1"

    def __init__(self, case: Any) -> None:
        self.score, self.context_length = case.reference, case.engine.context_length


def graded(engine: Any, tokenizer: Any, lab: Lab) -> list[Any]:
    """The criteria of all grades."""
    identity = ModelIdentity(base_model="random", model_hash="", tokenizer_hash="", prompt_hash="")
    encoder = PromptEncoder(tokenizer, context_length=engine.context_length)
    grades = Grader(engine, encoder, PromptStyle(), identity).grade(lab, lab.submissions)
    return [criterion for grade in grades for criterion in grade.criteria]


def greedy_text(case: Any, prompt: tuple[int, ...], count: int) -> str:
    ids = list(prompt)
    for _ in range(count):
        labels = tuple(range(case.tokenizer.vocab_size))
        [scores] = case.reference([ScoreRequest(tuple(ids), labels)])
        ids.append(max(labels, key=scores.logprobs.__getitem__))
    return str(case.tokenizer.decode(ids[len(prompt) :], skip_special_tokens=True))
