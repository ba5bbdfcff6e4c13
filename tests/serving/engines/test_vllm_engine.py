import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from shutil import which
from types import SimpleNamespace
from typing import Any

import pytest

from labs_schema.errors import ModelError
from labs_schema.models import Lab
from prompts.verdict import CLOSING
from serving.engines.engine import EngineDownError, EngineFailure, LabelScores, ScoreRequest
from serving.engines.transformers_engine import TransformersEngine
from serving.engines.vllm_engine import VllmEngine
from serving.engines.vllm_platform import check_compiler
from serving.grading.explanations import REASON_FORM, readable
from serving.scoring.scores import RatingDistribution, belief

MakeLab = Callable[..., Lab]


def tokens(seed: int, count: int) -> tuple[int, ...]:
    rng = random.Random(seed)
    return tuple(rng.randrange(3, 500) for _ in range(count))


def questions(submissions: int, criteria: int) -> list[ScoreRequest]:
    """Prompts of 200 to 700 shared and 40 to 90 own tokens, with 2 to 5 letters."""
    return [
        ScoreRequest(tokens(s, 200 + 100 * (s % 6)) + tokens(100 * s + c, 40 + 10 * c), tuple(range(34, 36 + c % 4)))
        for s in range(submissions)
        for c in range(criteria)
    ]


def beliefs(answers: list[LabelScores | EngineFailure]) -> list[RatingDistribution]:
    assert all(isinstance(answer, LabelScores) for answer in answers)
    return [belief(answer.logprobs) for answer in answers if isinstance(answer, LabelScores)]


def furthest(ones: list[RatingDistribution], others: list[RatingDistribution]) -> float:
    """The largest difference of any two shares."""
    return max(
        abs(a - b)
        for one, other in zip(ones, others, strict=True)
        for a, b in zip(one.probabilities, other.probabilities, strict=True)
    )


def clear_choices(ones: list[RatingDistribution]) -> list[int | None]:
    """The chosen letter where it leads by .05, twice the .02 (rounded up) that engines may differ by, else None."""
    leads = [sorted(one.probabilities)[-1] - sorted(one.probabilities)[-2] for one in ones]
    return [one.choice if lead > 0.05 else None for one, lead in zip(ones, leads, strict=True)]


@pytest.fixture(scope="module")
def model_folder(byte_tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of 20 million random parameters whose answers differ clearly: its head is not tied to its embeddings."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(byte_tokenizer),
        hidden_size=512,
        intermediate_size=1408,
        num_hidden_layers=6,
        num_attention_heads=8,
        num_key_value_heads=4,
        max_position_embeddings=4096,
        initializer_range=0.04,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
    folder = tmp_path_factory.mktemp("random-model")
    model.save_pretrained(folder)
    byte_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def engine(model_folder: Path) -> Iterator[VllmEngine]:
    engine = VllmEngine(model_folder)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def oracle(model_folder: Path) -> TransformersEngine:
    return TransformersEngine(model_folder)


@pytest.mark.slow
def test_shares_are_those_of_plain_transformers_within_two_hundredths(
    engine: VllmEngine, oracle: TransformersEngine
) -> None:
    asked = questions(submissions=8, criteria=5)
    ours, theirs = beliefs(engine.score(asked)), beliefs(oracle.score(asked))
    assert furthest(ours, theirs) < 0.02
    assert max(abs(a.label_mass - b.label_mass) for a, b in zip(ours, theirs, strict=True)) < 0.02
    chosen = [(a, b) for a, b in zip(clear_choices(ours), clear_choices(theirs), strict=True) if a is not None]
    assert len(chosen) > 10
    assert all(b in (a, None) for a, b in chosen)
    assert len({a for a, _ in chosen}) > 1


@pytest.mark.slow
def test_a_cached_prefix_and_a_batch_change_little(engine: VllmEngine) -> None:
    asked = questions(submissions=3, criteria=4)
    together, again = beliefs(engine.score(asked)), beliefs(engine.score(asked))
    alone = beliefs([engine.score([request])[0] for request in asked])
    assert furthest(together, again) < 0.02
    assert furthest(together, alone) < 0.02


@pytest.mark.slow
def test_a_bad_request_fails_alone(engine: VllmEngine) -> None:
    good = tokens(6, 10)
    answers = engine.score([ScoreRequest(prompt, (34, 35)) for prompt in (good, tokens(7, 4096), (), (9_999,), good)])
    assert [isinstance(answer, EngineFailure) for answer in answers] == [False, True, True, True, False]
    assert isinstance(answers[1], EngineFailure) and answers[1].reason.startswith("overlong")


@pytest.mark.slow
def test_the_longest_prompt_that_fits_and_the_most_letters_are_answered(engine: VllmEngine) -> None:
    [longest, letters] = engine.score(
        [ScoreRequest(tokens(1, 4095), (34, 35)), ScoreRequest(tokens(2, 5), tuple(range(34, 60)))]
    )
    assert isinstance(longest, LabelScores)
    assert isinstance(letters, LabelScores) and len(letters.logprobs) == 26


@pytest.mark.slow
def test_nothing_asked_is_nothing_answered(engine: VllmEngine) -> None:
    assert (engine.score([]), engine.write([], 5, '"', ".*")) == ([], [])


@pytest.mark.slow
def test_writing_that_does_not_end_fails_and_fails_alone(engine: VllmEngine) -> None:
    prompt = tokens(8, 10)
    assert engine.write([prompt, ()], 8, ".", "(ab|b)\\.") == [
        engine.write([prompt], 8, ".", "(ab|b)\\.")[0],
        EngineFailure("the prompt is empty"),
    ]
    assert engine.write([prompt], 3, ".", "b{9}\\.") == [EngineFailure("the answer did not end within 3 tokens")]


@pytest.mark.slow
def test_what_is_written_keeps_to_its_form(engine: VllmEngine) -> None:
    short = REASON_FORM.replace(")+", "){1,4}")
    whole = 34  # a token of one letter: a prompt that ends inside a character would show in the answer
    written = engine.write([(*tokens(seed, 10), whole) for seed in range(8)], 60, CLOSING, short)
    assert len({readable("A", text) for text in written} - {None}) > 1
    assert all(isinstance(text, str) and len(json.loads(f'"{text}"')) <= 4 for text in written)


@pytest.mark.slow
def test_after_a_call_that_broke_off_the_same_questions_are_answered_as_by_an_engine_that_never_failed(
    engine: VllmEngine, oracle: TransformersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [replace(each, prompt=(7, *each.prompt)) for each in questions(submissions=3, criteria=4)]  # none cached
    executor = engine._llm.llm_engine.engine_core.engine_core.model_executor
    model = executor.driver_worker.worker.model_runner.model

    def breaks_off(*_: Any, **__: Any) -> Any:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(model, "forward", breaks_off)
        with pytest.raises(RuntimeError, match="out of memory"):
            engine.score(asked)
    assert furthest(beliefs(engine.score(asked)), beliefs(oracle.score(asked))) < 0.02


@pytest.mark.slow
@pytest.mark.skipif(not which("g++"), reason="no C++ compiler")
def test_a_compiled_model_answers_alike(engine: VllmEngine, model_folder: Path) -> None:
    asked = questions(submissions=3, criteria=4)
    compiled = VllmEngine(model_folder, compiled=True)
    try:
        assert furthest(beliefs(engine.score(asked)), beliefs(compiled.score(asked))) < 0.02
        assert compiled.name != engine.name
    finally:
        compiled.close()


def made_of(generate: Callable[..., Any], **llm_engine: Any) -> VllmEngine:
    """An engine over a made-up vLLM."""
    engine = object.__new__(VllmEngine)
    engine._llm = SimpleNamespace(generate=generate, llm_engine=SimpleNamespace(**llm_engine))
    engine._folder = engine._adapter = None
    engine.context_length, engine._vocabulary = 100, 500
    return engine


def numbers(engine: VllmEngine, prompts: list[tuple[int, ...]]) -> list[str | EngineFailure]:
    return engine._answer(prompts, [SimpleNamespace(max_tokens=1)] * len(prompts), lambda i, _: str(i))


def test_an_answer_to_another_prompt_is_none_and_costs_the_others_nothing() -> None:
    prompts = [tokens(seed, 5) for seed in range(4)]
    outputs = [
        SimpleNamespace(prompt_token_ids=list(prompt), outputs=[SimpleNamespace(token_ids=[1], finish_reason="length")])
        for prompt in (prompts[0], prompts[2], prompts[1], prompts[3])
    ]
    other = EngineFailure("the engine answered another question")
    assert numbers(made_of(lambda *_, **__: outputs), prompts) == ["0", other, other, "3"]


def test_a_vllm_that_has_ended_is_an_engine_that_is_down_and_no_submission_s_fault() -> None:
    def ended(*_: Any, **__: Any) -> Any:
        raise RuntimeError("EngineCore has died")

    engine = made_of(ended, output_processor=SimpleNamespace(request_states={"7": None}), abort_request=ended)
    with pytest.raises(EngineDownError, match="start again"):
        numbers(engine, [tokens(0, 5)])


def test_without_a_compiler_it_is_said_how_to_do_without() -> None:
    with pytest.raises(ModelError, match="no-such-compiler was not found"):
        check_compiler("no-such-compiler")


def test_a_missing_adapter_is_told_before_vllm_would_wait_for_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no LoRA adapter"):
        VllmEngine(tmp_path, adapter=tmp_path / "adapter")


@pytest.mark.slow
def test_a_folder_without_a_model_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="vLLM cannot load"):
        VllmEngine(tmp_path)


@pytest.mark.slow
def test_a_lab_is_graded_alike_by_both_engines(
    engine: VllmEngine, oracle: TransformersEngine, byte_tokenizer: Any, make_lab: MakeLab
) -> None:
    from prompts.encode import PromptEncoder
    from prompts.style import PromptStyle
    from serving.grading.grader import Grader
    from serving.grading.provenance import ModelIdentity

    identity = ModelIdentity(base_model="random", model_hash="", tokenizer_hash="", prompt_hash="")
    encoder = PromptEncoder(byte_tokenizer, context_length=4096)
    lab = make_lab(students=5)
    ours, theirs = (
        Grader(one, encoder, PromptStyle(), identity).grade(lab, lab.submissions) for one in (engine, oracle)
    )
    for grade, other in zip(ours, theirs, strict=True):
        for one, two in zip(grade.criteria, other.criteria, strict=True):
            assert one.probabilities == pytest.approx(two.probabilities, abs=0.02)
            first, second, *_ = sorted(one.probabilities.values(), reverse=True)
            assert one.rating == two.rating or first - second < 0.04
    assert {grade.provenance.engine for grade in ours} == {"vllm"}
