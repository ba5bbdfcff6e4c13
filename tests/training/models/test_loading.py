"""LoRA variants, and clear errors for what this machine does not support."""

import logging
from typing import Any

import pytest
import torch

from tests.harness.errors import raises_code
from training.config import DpoStage, RunConfig
from training.models.loading import empty_model, load_model, lora_config, use_liger
from training.run.stages import dpo_arguments, trainer_arguments


def config(**flags: Any) -> RunConfig:
    return RunConfig.model_validate({"model": "m", "dataset": "d", "sft": {}, "lora_r": 4} | flags)


def adapter(make_model: Any, **flags: bool) -> Any:
    from peft import get_peft_model

    model = make_model("gqa")
    return get_peft_model(model, lora_config(model, ("q_proj",), config(lora_alpha=16, **flags)))


def test_rslora_scales_by_the_root_of_the_rank_and_dora_adds_magnitudes(make_model: Any) -> None:
    layers = [adapter(make_model, **flags).model.model.layers[0] for flags in ({}, {"use_rslora": True})]
    assert [layer.self_attn.q_proj.scaling["default"] for layer in layers] == [4.0, 8.0]
    names = [name for name, weight in adapter(make_model, use_dora=True).named_parameters() if weight.requires_grad]
    assert sum("lora_magnitude_vector" in name for name in names) == 2


def test_a_missing_lora_target_is_rejected(make_model: Any) -> None:
    with raises_code("run-config", r"c_attn.*LlamaForCausalLM"):
        lora_config(make_model("gqa"), ("c_attn",), config())


def test_4_bit_loading_needs_a_gpu_and_bitsandbytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with raises_code("no-gpu"):
        load_model("nowhere", dtype=torch.float32, load_in_4bit=True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("training.models.loading.find_spec", lambda _: None)
    with raises_code("missing-package"):
        load_model("nowhere", dtype=torch.float32, load_in_4bit=True)


def test_missing_liger_kernels_are_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("training.models.loading.find_spec", lambda _: None)
    with caplog.at_level(logging.WARNING):
        assert not use_liger(True)
    assert "liger_kernel" in caplog.text
    caplog.clear()
    assert not use_liger(False) and not caplog.text


def test_loss_type_and_smoothing_are_passed_to_trl(tmp_path: Any) -> None:
    from trl import DPOConfig

    stage = DpoStage(loss_type="robust", label_smoothing=0.1)
    run = RunConfig(model="m", dataset="d", dpo=stage, bf16=False)
    args = DPOConfig(**trainer_arguments(stage, run, tmp_path, bf16=False), **dpo_arguments(stage))
    assert (args.loss_type, args.label_smoothing, args.beta) == (["robust"], 0.1, 0.1)


@pytest.mark.parametrize(
    "stage", [{"loss_type": "nll"}, {"label_smoothing": 0.1}, {"loss_type": "exo_pair"}], ids=["name", "unused", "exo"]
)
def test_an_invalid_loss_is_rejected_when_the_config_is_read(stage: Any) -> None:
    with pytest.raises(ValueError, match="loss_type"):
        RunConfig.model_validate({"model": "m", "dataset": "d", "dpo": stage})


def test_an_empty_model_has_no_weights(tiny_model_folder: Any) -> None:
    assert empty_model(str(tiny_model_folder)).device.type == "meta"
    with raises_code("bad-weights"):
        empty_model("./nowhere/at/all")
