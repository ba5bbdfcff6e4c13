import shutil
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from labs_schema.errors import ModelError
from prompts.manifest import write_manifest
from prompts.style import PromptStyle
from serving.model.folder import find_model, open_model
from serving.model.weights_hash import weights_hashes

STYLE = PromptStyle(template="compact", problem_chars=150)


def test_a_run_is_served_from_its_full_weights_with_its_own_tokenizer(run: Path) -> None:
    model = open_model(run)
    assert (model.weights, model.tokenizer) == (str(run / "model"), str(run / "tokenizer"))
    assert (model.name, model.adapter) == ("../base", None)


def test_merged_weights_come_before_all_others_and_keep_the_base_model_s_name(
    run: Path, byte_tokenizer: Any, manifest_of: Any
) -> None:
    shutil.copytree(run / "model", run / "merged")
    write_manifest(manifest_of(byte_tokenizer, STYLE, base_model="."), run / "merged")
    model = open_model(run)
    assert (model.weights, model.tokenizer, model.name) == (str(run / "merged"), str(run / "merged"), "../base")
    assert open_model(run / "merged").name == "merged"


def test_a_tuned_model_is_named_by_what_its_training_began_with_wherever_it_is_opened(
    run: Path, byte_tokenizer: Any, manifest_of: Any
) -> None:
    shutil.copytree(run / "model", run / "merged")
    write_manifest(manifest_of(byte_tokenizer, STYLE, base_model="sft", trained_from="Qwen/Coder"), run)
    write_manifest(manifest_of(byte_tokenizer, STYLE, base_model=".", trained_from="Qwen/Coder"), run / "merged")
    assert open_model(run).name == open_model(run / "merged").name == "Qwen/Coder"
    shutil.rmtree(run / "merged")
    assert open_model(run).name == "Qwen/Coder"


def test_an_adapter_is_merged_first_unless_the_engine_takes_adapters(
    run: Path, byte_tokenizer: Any, manifest_of: Any
) -> None:
    write_manifest(manifest_of(byte_tokenizer, STYLE, base_model="model", adapter="adapter"), run)
    with pytest.raises(ModelError, match=f"grader merge {run}"):
        open_model(run)
    model = open_model(run, adapters=True)
    assert (model.weights, model.adapter) == (str(run / "model"), run / "adapter")


def test_an_adapter_of_another_base_is_refused_before_anything_is_loaded(
    run: Path, byte_tokenizer: Any, manifest_of: Any
) -> None:
    write_manifest(manifest_of(byte_tokenizer, STYLE, base_model="model", adapter="adapter"), run)
    (run / "adapter").mkdir()
    part = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
    for wide, refused in ((64, False), (32, True)):
        save_file({part: np.zeros((2, wide))}, run / "adapter" / "adapter_model.safetensors")
        with pytest.raises(ModelError, match="is no adapter of") if refused else nullcontext():
            assert find_model(run, adapters=True).model.adapter == run / "adapter"


@pytest.mark.usefixtures("dead_hub")
def test_weights_that_are_nowhere_are_a_named_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="someone/gone: no such folder here, and neither the local cache"):
        weights_hashes("someone/gone")


def test_a_model_that_is_neither_here_nor_to_be_had_is_told_at_once(dead_hub: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(ModelError, match=f"mistyped/name: no such folder here, no such model in {dead_hub}"):
        find_model("mistyped/name")
    assert time.monotonic() - begun < 20


def test_a_model_in_the_cache_needs_no_network(cached_model: str, byte_tokenizer: Any) -> None:
    begun = time.monotonic()
    assert find_model(cached_model).tokenizer.get_vocab() == byte_tokenizer.get_vocab()
    assert time.monotonic() - begun < 20


def test_a_plain_model_and_a_hub_id_have_no_manifest(tiny_model_folder: Path) -> None:
    plain, hub = open_model(tiny_model_folder), open_model("Qwen/Qwen2.5-Coder-7B-Instruct")
    assert (plain.weights, plain.manifest) == (str(tiny_model_folder), None)
    assert (hub.weights, hub.tokenizer, hub.manifest) == (hub.name, hub.name, None)


def test_what_is_no_model_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no model"):
        open_model(tmp_path)
    with pytest.raises(ModelError, match="no such folder"):
        open_model(tmp_path / "nothing")


def test_a_run_that_never_finished_says_how_to_finish_it(run: Path) -> None:
    shutil.rmtree(run / "model")
    with pytest.raises(ModelError, match=f"grader train --resume {run}"):
        open_model(run)


def test_the_hash_of_the_weights_changes_with_any_byte(run: Path) -> None:
    before = weights_hashes(str(run / "model"))[0]
    weights = run / "model" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert weights_hashes(str(run / "model"))[0] != before
