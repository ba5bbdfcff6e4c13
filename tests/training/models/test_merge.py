"""Merging fails if it changes the logits, and never deletes other files."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from prompts.manifest import ModelManifest, write_manifest
from prompts.style import PromptStyle
from tests.harness.errors import raises_code
from training.models.merge import TEXTS, check_logits, check_written, logits_of, merge


def test_a_changed_logit_at_any_position_is_rejected() -> None:
    before = [torch.arange(40.0).reshape(4, 10) ** 1.5, torch.randn(2, 10)]
    after = [logits.clone() for logits in before]
    after[0][3] += 5e-5 * before[0][3].std()
    assert check_logits(before, after, "merged") == pytest.approx(5e-5, rel=0.1)
    after[0][3] += 0.05 * before[0][3].std()
    with raises_code("merge-inexact", r"0\.05.*0\.0001"):
        check_logits(before, after, "merged")
    after[0][3] = before[0][3]
    after[1][0, 0] = float("nan")
    with raises_code("merge-inexact"):
        check_logits(before, after, "merged")


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_written_weights_are_those_in_memory(tiny_model_folder: Path, tmp_path: Path, damage: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model_folder)
    model.save_pretrained(tmp_path)
    check_written(model, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    name = "model.layers.1.mlp.up_proj.weight"
    if damage == "missing":
        del weights[name]
    else:
        weights[name][3, 5] = 0.125
    save_file(weights, tmp_path / "model.safetensors")
    with raises_code("merge-damaged", name):
        check_written(model, tmp_path)


def test_all_positions_of_all_texts_are_compared(tiny_model_folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_model_folder)
    model = AutoModelForCausalLM.from_pretrained(tiny_model_folder)
    logits = logits_of(model, tokenizer)
    assert len(TEXTS) == len(logits) > 3
    assert [len(places) for places in logits] == [len(tokenizer(text)["input_ids"]) for text in TEXTS]
    assert check_logits(logits, logits_of(model, tokenizer), "merged") == 0.0


def test_an_unfinished_run_is_rejected(tmp_path: Path) -> None:
    with raises_code("run-unfinished", "--resume"):
        merge(tmp_path)


@pytest.mark.parametrize("name", ["thesis.txt", "manifest.json"])
def test_other_files_are_never_deleted(tmp_path: Path, name: str) -> None:
    run, out = tmp_path / "run", tmp_path / "mine"
    for folder in (run, out):
        folder.mkdir()
    write_manifest(manifest(), run)
    (out / name).write_text("{}")
    with raises_code("output-in-use"):
        merge(run, out)
    assert (out / name).read_text() == "{}"


@pytest.fixture
def run_with_adapter(tmp_path: Path, tiny_model_folder: Path) -> Path:
    """A finished run: a random adapter on the tiny random model."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(tiny_model_folder)
    torch.manual_seed(1)
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj", "up_proj"], init_lora_weights=False))
    adapted.save_pretrained(tmp_path / "run/adapter")
    AutoTokenizer.from_pretrained(tiny_model_folder).save_pretrained(tmp_path / "run/tokenizer")
    write_manifest(manifest(str(tiny_model_folder)), tmp_path / "run")
    return tmp_path / "run"


def change_adapter(run: Path, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    from safetensors.torch import load_file, save_file

    path = run / "adapter/adapter_model.safetensors"
    save_file({name: change(tensor) for name, tensor in load_file(path).items()}, path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_diverged_adapter_is_rejected_by_name(run_with_adapter: Path, value: float) -> None:
    change_adapter(run_with_adapter, lambda tensor: torch.full_like(tensor, value))
    with raises_code("non-finite-weights") as error:
        merge(run_with_adapter, dtype="float32")
    assert error.value.code == "non-finite-weights" and str(run_with_adapter / "adapter") in str(error.value)
    assert not list(run_with_adapter.glob("merged*"))


def manifest(base_model: str = "tiny") -> ModelManifest:
    hashes = {"tokenizer_hash": "0" * 64, "prompt_hash": "1" * 64}
    return ModelManifest(
        grader_version="0",
        base_model=base_model,
        adapter="adapter",
        style=PromptStyle(),
        context_length=64,
        option_order="given",
        **hashes,
    )
