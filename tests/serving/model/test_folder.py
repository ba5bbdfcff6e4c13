import shutil
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from prompts.manifest import write_manifest
from prompts.style import PromptStyle
from serving.model.folder import find_model, open_model
from serving.model.weights import weights_hashes
from tests.harness.errors import raises_code

STYLE = PromptStyle(template="compact", problem_chars=150)


def test_a_run_uses_its_full_weights_and_its_own_tokenizer(run: Path) -> None:
    model = open_model(run)
    assert (model.weights, model.tokenizer) == (str(run / "model"), str(run / "tokenizer"))
    assert (model.name, model.adapter) == ("../base", None)


def test_merged_weights_take_precedence_and_have_the_base_models_name(
    run: Path, byte_tokenizer: Any, manifest_of: Any
) -> None:
    shutil.copytree(run / "model", run / "merged")
    write_manifest(manifest_of(byte_tokenizer, STYLE, base_model="."), run / "merged")
    model = open_model(run)
    assert (model.weights, model.tokenizer, model.name) == (str(run / "merged"), str(run / "merged"), "../base")
    assert open_model(run / "merged").name == "merged"


def test_a_tuned_model_is_named_after_the_model_that_training_started_from(
    run: Path, byte_tokenizer: Any, manifest_of: Any
) -> None:
    shutil.copytree(run / "model", run / "merged")
    write_manifest(manifest_of(byte_tokenizer, STYLE, base_model="sft", trained_from="Qwen/Coder"), run)
    write_manifest(manifest_of(byte_tokenizer, STYLE, base_model=".", trained_from="Qwen/Coder"), run / "merged")
    assert open_model(run).name == open_model(run / "merged").name == "Qwen/Coder"
    shutil.rmtree(run / "merged")
    assert open_model(run).name == "Qwen/Coder"


def test_an_adapter_must_be_merged_unless_the_engine_loads_adapters(
    run: Path, byte_tokenizer: Any, manifest_of: Any
) -> None:
    write_manifest(manifest_of(byte_tokenizer, STYLE, base_model="model", adapter="adapter"), run)
    with raises_code("adapter-unmerged", f"grader merge {run}"):
        open_model(run)
    model = open_model(run, adapters=True)
    assert (model.weights, model.adapter) == (str(run / "model"), run / "adapter")


def test_an_adapter_of_another_base_is_rejected_before_loading(
    run: Path, byte_tokenizer: Any, manifest_of: Any
) -> None:
    write_manifest(manifest_of(byte_tokenizer, STYLE, base_model="model", adapter="adapter"), run)
    (run / "adapter").mkdir()
    part = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
    for width, rejected in ((64, False), (32, True)):
        save_file({part: np.zeros((2, width))}, run / "adapter" / "adapter_model.safetensors")
        with raises_code("bad-adapter") if rejected else nullcontext():
            assert find_model(run, adapters=True).model.adapter == run / "adapter"


@pytest.mark.usefixtures("dead_hub")
def test_missing_weights_raise_a_model_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with raises_code("model-not-found", "someone/gone"):
        weights_hashes("someone/gone")


def test_an_unavailable_model_fails_fast(dead_hub: Path) -> None:
    started = time.monotonic()
    with raises_code("model-not-found", f"mistyped/name.*{dead_hub}"):
        find_model("mistyped/name")
    assert time.monotonic() - started < 20


def test_a_cached_model_needs_no_network(cached_model: str, byte_tokenizer: Any) -> None:
    started = time.monotonic()
    assert find_model(cached_model).tokenizer.get_vocab() == byte_tokenizer.get_vocab()
    assert time.monotonic() - started < 20


def test_a_plain_model_and_a_hub_id_have_no_manifest(tiny_model_folder: Path) -> None:
    plain, hub = open_model(tiny_model_folder), open_model("Qwen/Qwen2.5-Coder-7B-Instruct")
    assert (plain.weights, plain.manifest) == (str(tiny_model_folder), None)
    assert (hub.weights, hub.tokenizer, hub.manifest) == (hub.name, hub.name, None)


def test_a_folder_without_a_model_raises_a_model_error(tmp_path: Path) -> None:
    with raises_code("model-not-found"):
        open_model(tmp_path)
    with raises_code("model-not-found"):
        open_model(tmp_path / "nothing")


def test_an_unfinished_run_is_rejected_with_the_command_to_resume(run: Path) -> None:
    shutil.rmtree(run / "model")
    with raises_code("run-unfinished", f"grader train --resume {run}"):
        open_model(run)


def test_the_weights_hash_changes_with_one_bit(run: Path) -> None:
    before = weights_hashes(str(run / "model"))[0]
    weights = run / "model" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert weights_hashes(str(run / "model"))[0] != before
