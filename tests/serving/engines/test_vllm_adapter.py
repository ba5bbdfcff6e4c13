"""LoRA adapters on one open base, as several courses use them."""

import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from labs_schema.errors import ModelError
from serving.engines.adapters import AdapterBases
from serving.engines.engine import EngineDownError, LabelScores, ScoreRequest
from serving.engines.engine_choice import open_engine
from serving.engines.transformers_engine import TransformersEngine
from serving.engines.vllm_engine import VllmEngine

NEAR = 1e-4
"""Measured: 5e-7 in fp32."""


def logprobs(answers: Sequence[object]) -> list[float]:
    assert all(isinstance(answer, LabelScores) for answer in answers)
    return [p for answer in answers if isinstance(answer, LabelScores) for p in answer.logprobs]


@pytest.mark.slow
def test_adapters_of_several_courses_share_a_base_and_answer_as_their_merged_weights_do(
    tiny_model_folder: Path, tmp_path: Path, make_adapter: Callable[..., None]
) -> None:
    for name, seed, rank in (("one", 1, 5), ("two", 2, 16)):
        make_adapter(tiny_model_folder, tmp_path / name, seed, rank)
    rng = random.Random(0)
    asked = [ScoreRequest(tuple(rng.randrange(3, 500) for _ in range(60)), (34, 35, 36, 37)) for _ in range(6)]
    merged = {
        name: logprobs(TransformersEngine(tmp_path / name / "merged", dtype="float32").score(asked))
        for name in ("one", "two")
    }
    plain = logprobs(TransformersEngine(tiny_model_folder, dtype="float32").score(asked))
    for before, after in ((plain, merged["one"]), (merged["one"], merged["two"])):
        assert max(abs(p - q) for p, q in zip(before, after, strict=True)) > 0.1

    bases: AdapterBases[VllmEngine] = AdapterBases()

    def opened(name: str) -> VllmEngine:
        engine = open_engine(
            "vllm",
            str(tiny_model_folder),
            tokenizer=str(tiny_model_folder),
            dtype="float32",
            adapter=tmp_path / name / "adapter",
            model_hash="base",
            adapter_hash=name,
            bases=bases,
        )
        assert isinstance(engine, VllmEngine)
        return engine

    engines = {name: opened(name) for name in ("one", "two")}
    assert engines["one"]._llm is engines["two"]._llm
    for name in ("one", "two", "one", "two"):
        assert logprobs(engines[name].score(asked)) == pytest.approx(merged[name], abs=NEAR)

    shutil.copytree(tmp_path / "two" / "adapter", tmp_path / "bad" / "adapter")
    (tmp_path / "bad" / "adapter" / "adapter_model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cannot put"):
        opened("bad")
    with pytest.raises(ModelError, match="no LoRA adapter"):
        opened("missing")
    other = VllmEngine(tiny_model_folder, dtype="float32")
    assert logprobs(other.score(asked)) == pytest.approx(plain, abs=NEAR)

    engines["one"].close()
    assert logprobs(engines["two"].score(asked)) == pytest.approx(merged["two"], abs=NEAR)
    (tmp_path / "two").rename(tmp_path / "moved")
    with pytest.raises(EngineDownError, match="gone"):
        engines["two"].score(asked)
    (tmp_path / "moved").rename(tmp_path / "two")
    assert logprobs(engines["two"].score(asked)) == pytest.approx(merged["two"], abs=NEAR)
    engines["two"].close()
    assert logprobs(other.score(asked)) == pytest.approx(plain, abs=NEAR)
    other.close()
