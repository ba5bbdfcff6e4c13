import random
from pathlib import Path

import pytest

from serving.engines.engine import LabelScores, ScoreRequest
from serving.engines.transformers_engine import TransformersEngine
from serving.engines.vllm_engine import VllmEngine


@pytest.mark.slow
def test_base_and_adapter_together_answer_as_their_merged_weights_do(tiny_model_folder: Path, tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with torch.random.fork_rng():
        torch.manual_seed(1)
        base = AutoModelForCausalLM.from_pretrained(tiny_model_folder, dtype=torch.float32)
        tuned = get_peft_model(base, LoraConfig(r=5, lora_alpha=64, target_modules=["q_proj", "v_proj", "down_proj"]))
        for name, parameter in tuned.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.2)
    tuned.save_pretrained(tmp_path / "adapter")
    tuned.merge_and_unload().save_pretrained(tmp_path / "merged")
    AutoTokenizer.from_pretrained(tiny_model_folder).save_pretrained(tmp_path / "merged")

    rng = random.Random(0)
    asked = [ScoreRequest(tuple(rng.randrange(3, 500) for _ in range(60)), (34, 35, 36, 37)) for _ in range(6)]
    engine = VllmEngine(tiny_model_folder, adapter=tmp_path / "adapter", dtype="float32")
    ours = engine.score(asked)
    engine.close()
    merged = TransformersEngine(tmp_path / "merged", dtype="float32").score(asked)
    plain = TransformersEngine(tiny_model_folder, dtype="float32").score(asked)
    moved = 0.0
    for one, other, untuned in zip(ours, merged, plain, strict=True):
        assert isinstance(one, LabelScores) and isinstance(other, LabelScores) and isinstance(untuned, LabelScores)
        assert one.logprobs == pytest.approx(other.logprobs, abs=0.02)
        moved = max(moved, abs(one.logprobs[0] - untuned.logprobs[0]))
    assert moved > 0.1
