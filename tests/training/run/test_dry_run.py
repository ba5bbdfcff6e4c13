"""A dry run estimates steps, tokens, memory and time, and leaves no files."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness.errors import raises_code
from training.config import DpoStage, RunConfig, SftStage
from training.dataset.examples import CriterionExample, TrainingExample
from training.run.estimates import BatchSize, count_trained_weights, estimate_memory, estimate_stage

# 10 shared tokens, two criteria of 3 prompt tokens; answers of 2 tokens, one and two of them rejected.
EXAMPLE = TrainingExample(
    tuple(range(10)),
    (
        CriterionExample((11, 12, 13), (20, 2), ((21, 2),)),
        CriterionExample((14, 15, 16), (20, 2), ((21, 2), (22, 2))),
    ),
)


def test_steps_and_tokens_are_those_of_the_trainer() -> None:
    stage = DpoStage(per_device_train_batch_size=2, gradient_accumulation_steps=2, num_train_epochs=2)
    estimate = estimate_stage(stage, [EXAMPLE] * 7, seed=0, max_steps=None, processes=1)
    assert (estimate.submissions, estimate.rows, estimate.steps) == (7, 21, 4)  # 4 batches, 2 steps an epoch
    assert estimate.tokens == 2 * 7 * (10 + 3 + 2 + 3 + 3)  # an answer's last token is predicted, not read
    assert estimate.unpacked_tokens == 2 * 7 * 3 * 2 * (10 + 3 + 2)
    assert estimate.largest == BatchSize(2 * 21, 2 * 3 * 4, keys=2 * (21 + 2 * 10))
    assert estimate_stage(stage, [EXAMPLE] * 7, seed=0, max_steps=3, processes=1).steps == 3
    rows = estimate_stage(stage.model_copy(update={"packing": "none"}), [EXAMPLE], seed=0, max_steps=None, processes=1)
    assert rows.tokens == rows.unpacked_tokens and rows.largest == BatchSize(2 * 30, 8, keys=2 * 30)


def test_sft_counts_criteria_and_letters() -> None:
    stage = SftStage(answer_only="letter", gradient_accumulation_steps=1)
    estimate = estimate_stage(stage, [EXAMPLE] * 3, seed=0, max_steps=None, processes=1)
    assert (estimate.rows, estimate.steps, estimate.tokens) == (6, 3, 3 * (10 + 3 + 3))
    assert estimate.unpacked_tokens == 6 * 14


def test_memory_follows_the_documented_formula(make_model: Any) -> None:
    model, targets = make_model("gqa"), ("q_proj", "down_proj")
    config = RunConfig(model="m", dataset="d", dpo=DpoStage(), lora_r=4)
    estimate = estimate_stage(DpoStage(), [EXAMPLE], seed=0, max_steps=None, processes=1)
    adapter, weights = count_trained_weights(model, DpoStage(), targets, config), model.num_parameters()
    assert adapter == 2 * 4 * ((32 + 32) + (48 + 32))

    def parts(stage: DpoStage, trained: int, changed: RunConfig) -> dict[str, int]:
        return estimate_memory(model, stage, estimate, trained=trained, targets=targets, config=changed, half=True)

    lora = parts(DpoStage(), adapter, config)
    assert lora["weights"] == 2 * weights and lora["gradients"] == lora["adapter"] == 4 * adapter
    assert lora["frozen states"] == 0
    layer, head = saved_bytes(model.config, config), 12 * 12 * 70
    assert lora["activations"] == 2 * layer + head
    top = config.model_copy(update={"lora_layers": 1})
    assert count_trained_weights(model, DpoStage(), targets, top) == adapter // 2
    assert parts(DpoStage(), adapter, top)["frozen states"] == 2 * 21 * 32
    assert parts(DpoStage(), adapter, top)["activations"] == layer + head
    recomputed = config.model_copy(update={"gradient_checkpointing": True})
    assert parts(DpoStage(), adapter, recomputed)["activations"] == 2 * 21 * 2 * 32 + layer + head
    full = parts(DpoStage(method="full"), weights, config)
    assert full["weights"] == 2 * 4 * weights and full["adapter"] == 0  # the reference is a copy
    four = config.model_copy(update={"load_in_4bit": True})
    assert parts(DpoStage(), adapter, four)["weights"] < 2 * weights


def saved_bytes(size: Any, config: RunConfig) -> int:
    """Of a layer with 21 tokens and 41 keys, with adapters on `q_proj` and `down_proj`, in bfloat16."""
    keys = size.num_key_value_heads * size.hidden_size // size.num_attention_heads
    token = 2 * 4 * 32 + 2 * 2 * 32 + 2 * 3 * 48  # norms, attention, MLP
    token += (2 + 1) * (32 + 48) + 2 * 2 * config.lora_r  # adapters' inputs and masks
    return 21 * token + 41 * 2 * 2 * keys


def write_rows(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_report_has_steps_tokens_memory_and_time(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.run.dry_run import dry_run

    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "rows.jsonl", *({"prompt": f"{n}?", "chosen": "yes", "rejected": "no"} for n in range(6)))
    stages = {"gradient_accumulation_steps": 2}
    config = RunConfig.model_validate(
        {"model": str(tiny_model_folder), "dataset": "rows.jsonl", "sft": stages, "dpo": stages, "bf16": False}
    )
    report = dry_run(config)
    assert report.count("6 submissions, 6 rows, 3 optimiser steps") == 2
    assert report.count("timed: largest batch") == 2 and report.count("GB: libraries and data") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_dry_run_rejects_what_a_run_would_reject(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.run.dry_run import dry_run

    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "rows.jsonl", {"prompt": "a?", "completion": "yes"})
    values = {"model": str(tiny_model_folder), "dataset": [{"path": "rows.jsonl", "weight": 2}]}
    with raises_code("no-examples"):
        dry_run(RunConfig.model_validate(values | {"dpo": {}}))
    with raises_code("run-config"):
        dry_run(RunConfig.model_validate(values | {"sft": {"answer_only": "letter"}}))
