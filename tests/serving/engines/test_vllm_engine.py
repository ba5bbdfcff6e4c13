"""In-process vLLM: recovery from exceptions, adapters on a shared base, and answers that must not be trusted."""

import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import which
from types import SimpleNamespace
from typing import Any

import pytest

from serving.engines.engine import EngineDownError, EngineFailure, EngineOptions, LabelScores, ScoreRequest
from serving.engines.transformers_engine import TransformersEngine
from serving.engines.vllm_engine import VllmEngine
from serving.engines.vllm_platform import check_compiler
from tests.harness.errors import raises_code


def tokens(seed: int, count: int) -> tuple[int, ...]:
    rng = random.Random(seed)
    return tuple(rng.randrange(3, 500) for _ in range(count))


def requests(seed: int, count: int = 6) -> list[ScoreRequest]:
    shared = tokens(seed, 60)
    return [ScoreRequest((*shared, *tokens(seed + i, 20)), (34, 35, 36, 37)) for i in range(1, count + 1)]


def logprobs(answers: Sequence[object]) -> list[float]:
    assert all(isinstance(answer, LabelScores) for answer in answers), answers
    return [p for answer in answers if isinstance(answer, LabelScores) for p in answer.logprobs]


def options(folder: Path, **changes: Any) -> EngineOptions:
    return EngineOptions(weights=str(folder), tokenizer=str(folder), **changes)


@pytest.mark.slow
def test_after_an_exception_the_next_answers_are_right(
    vllm_engine: VllmEngine, confident_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = requests(900)  # not cached by another test
    model = vllm_engine._llm.llm_engine.engine_core.engine_core.model_executor.driver_worker.worker.model_runner.model

    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(model, "forward", fail)
        with pytest.raises(RuntimeError, match="out of memory"):
            vllm_engine.score(batch)
    expected = logprobs(TransformersEngine(options(confident_model)).score(batch))
    assert logprobs(vllm_engine.score(batch)) == pytest.approx(expected, abs=0.1)


@pytest.mark.slow
def test_adapters_on_one_base_answer_like_their_merged_weights(
    adapter_engines: dict[str, VllmEngine], adapters: Path
) -> None:
    batch = requests(300)
    merged = {
        name: logprobs(TransformersEngine(options(adapters / name / "merged", dtype="float32")).score(batch))
        for name in adapter_engines
    }
    assert max(abs(p - q) for p, q in zip(merged["one"], merged["two"], strict=True)) > 0.1
    assert adapter_engines["one"]._llm is adapter_engines["two"]._llm
    for name in ("one", "two", "one", "two"):
        assert logprobs(adapter_engines[name].score(batch)) == pytest.approx(merged[name], abs=1e-4)


@pytest.mark.slow
def test_closing_an_engine_leaves_other_engines_open(
    vllm_engine: VllmEngine,
    adapter_engines: dict[str, VllmEngine],
    adapters: Path,
    open_adapter: Callable[[Path, str], VllmEngine],
    tmp_path: Path,
) -> None:
    batch = requests(500)
    before = [logprobs(engine.score(batch)) for engine in (vllm_engine, adapter_engines["two"])]
    shutil.copytree(adapters / "one" / "adapter", tmp_path / "adapter")
    third = open_adapter(tmp_path, "third")
    assert third.shared
    third.score(batch)
    (tmp_path / "adapter").rename(tmp_path / "moved")
    with pytest.raises(EngineDownError, match="missing"):
        third.score(batch)
    third.close()
    after = [logprobs(engine.score(batch)) for engine in (vllm_engine, adapter_engines["two"])]
    assert after[0] == pytest.approx(before[0], abs=0.1) and after[1] == pytest.approx(before[1], abs=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("adapter_engines")
def test_unusable_adapters_are_rejected(
    adapters: Path, open_adapter: Callable[[Path, str], VllmEngine], tmp_path: Path
) -> None:
    shutil.copytree(adapters / "two" / "adapter", tmp_path / "adapter")
    (tmp_path / "adapter" / "adapter_model.safetensors").write_bytes(b"no weights")
    with raises_code("bad-adapter"):
        open_adapter(tmp_path, "bad")
    with raises_code("bad-adapter"):
        open_adapter(tmp_path / "missing", "missing")


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.skipif(not which("g++"), reason="no C++ compiler")
def test_a_compiled_model_gives_the_same_answers(vllm_engine: VllmEngine, confident_model: Path) -> None:
    batch = requests(700)
    compiled = VllmEngine(options(confident_model), compiled=True)
    try:
        assert logprobs(compiled.score(batch)) == pytest.approx(logprobs(vllm_engine.score(batch)), abs=0.1)
        assert compiled.name != vllm_engine.name
    finally:
        compiled.close()


@pytest.mark.slow
def test_a_folder_without_a_model_raises_a_model_error(tmp_path: Path) -> None:
    with raises_code("bad-weights"):
        VllmEngine(options(tmp_path))


def test_a_missing_adapter_is_rejected_before_vllm_waits_for_it_forever(tmp_path: Path) -> None:
    with raises_code("bad-adapter"):
        VllmEngine(options(tmp_path, adapter=tmp_path / "adapter"))


def test_a_missing_compiler_is_reported() -> None:
    with raises_code("missing-compiler"):
        check_compiler("no-such-compiler")


def engine_over(generate: Callable[..., Any], **llm_engine: Any) -> VllmEngine:
    """An engine over a fake vLLM."""
    engine = object.__new__(VllmEngine)
    engine._llm = SimpleNamespace(generate=generate, llm_engine=SimpleNamespace(**llm_engine))
    engine._folder = engine._adapter = None
    engine.context_length, engine._vocabulary_size = 100, 500
    return engine


def positions(engine: VllmEngine, prompts: list[tuple[int, ...]]) -> list[str | EngineFailure]:
    return engine._answers(prompts, [SimpleNamespace(max_tokens=1)] * len(prompts), lambda i, _: str(i))


def test_the_answer_to_another_prompt_is_a_failure_of_that_prompt_only() -> None:
    prompts = [tokens(seed, 5) for seed in range(4)]
    outputs = [
        SimpleNamespace(prompt_token_ids=list(prompt), outputs=[SimpleNamespace(token_ids=[1], finish_reason="length")])
        for prompt in (prompts[0], prompts[2], prompts[1], prompts[3])
    ]
    failure = EngineFailure("the engine answered another prompt")
    assert positions(engine_over(lambda *_, **__: outputs), prompts) == ["0", failure, failure, "3"]


def test_a_dead_vllm_raises_engine_down() -> None:
    def dead(*_: Any, **__: Any) -> Any:
        raise RuntimeError("EngineCore has died")

    engine = engine_over(dead, output_processor=SimpleNamespace(request_states={"7": None}), abort_request=dead)
    with pytest.raises(EngineDownError, match="restart"):
        positions(engine, [tokens(0, 5)])
