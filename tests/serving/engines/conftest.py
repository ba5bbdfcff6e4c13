"""LoRA adapters for real engines."""

from collections.abc import Callable
from pathlib import Path

import pytest

MakeAdapter = Callable[..., None]


@pytest.fixture(scope="session")
def make_adapter() -> MakeAdapter:
    """`make_adapter(base, folder, seed, rank)`: a LoRA adapter of `base` that moves its answers, in `folder`/adapter,
    and the merged weights in `folder`/merged."""

    def make(base: Path, folder: Path, seed: int, rank: int) -> None:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM, AutoTokenizer

        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
            tuned = get_peft_model(
                model, LoraConfig(r=rank, lora_alpha=64, target_modules=["q_proj", "v_proj", "down_proj"])
            )
            for name, parameter in tuned.named_parameters():
                if "lora_B" in name:
                    torch.nn.init.normal_(parameter, std=0.2)
        tuned.save_pretrained(folder / "adapter")
        tuned.merge_and_unload().save_pretrained(folder / "merged")
        AutoTokenizer.from_pretrained(base).save_pretrained(folder / "merged")

    return make
