"""Presets: LoRA targets exist in their architectures, and licence warnings are shown."""

import pytest
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)
from typer.testing import CliRunner

from grader.cli import app
from prompts.base_models import PRESETS, find_base
from tests.harness.errors import raises_code
from training.config import RunConfig
from training.models.loading import lora_config

CONFIG = RunConfig.model_validate({"model": "m", "dataset": "d", "sft": {}})
SIZE = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 9}
ARCHITECTURES = {
    "codellama": LlamaForCausalLM(LlamaConfig(**SIZE, num_key_value_heads=1)),
    "smollm2": LlamaForCausalLM(LlamaConfig(**SIZE, num_key_value_heads=1)),
    "codestral": MistralForCausalLM(MistralConfig(**SIZE, num_key_value_heads=1)),
    "qwen2.5": Qwen2ForCausalLM(Qwen2Config(**SIZE, num_key_value_heads=1)),
}


@pytest.mark.parametrize("name", PRESETS)
def test_lora_covers_every_linear_layer_of_the_presets_architecture(name: str) -> None:
    model: PreTrainedModel = ARCHITECTURES[name.split("-")[0]]
    found = lora_config(model, PRESETS[name].lora_targets, CONFIG)
    linear = {n.rsplit(".", 1)[-1] for n, module in model.named_modules() if type(module).__name__ == "Linear"}
    assert set(found.target_modules) == linear - {"lm_head"}


def test_missing_lora_targets_are_rejected() -> None:
    model = GPT2LMHeadModel(GPT2Config(n_embd=8, n_layer=1, n_head=1, vocab_size=9))
    with raises_code("run-config", r"q_proj.*GPT2LMHeadModel"):
        lora_config(model, PRESETS["codellama-7b"].lora_targets, CONFIG)


def test_codestrals_licence_warning_is_shown() -> None:
    warning = find_base("codestral-22b").warning
    assert warning and "Non-Production" in warning and "qwen2.5-coder-7b" in warning
    assert find_base("mistralai/Codestral-22B-v0.1").warning == warning
    assert PRESETS["qwen2.5-coder-7b"].licence == "Apache-2.0" and not PRESETS["qwen2.5-coder-7b"].warning
    shown = CliRunner().invoke(app, ["train", "--help"], env={"COLUMNS": "300"}).output
    assert "Non-Production" in shown and "Apache-2.0" in shown


def test_a_missing_folder_is_not_mistaken_for_a_hub_id(tmp_path: object) -> None:
    assert find_base("someone/model").source == "someone/model"
    for missing in ("./models/none", f"{tmp_path}/none", "nonsense"):
        with raises_code("model-not-found", "grader model list"):
            find_base(missing)
