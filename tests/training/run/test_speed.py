"""Tokens per second, MFU and remaining time in the training log."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from training.config import DpoStage, RunConfig, SftStage
from training.run.speed import SpeedMetrics, count_linear_weights, measure_peak_flops
from training.run.stages import stage_passes


def test_linear_weights_and_passes_are_counted(make_model: Any) -> None:
    model = make_model("gqa")
    attention, mlp = 32 * 32 * 2 + 32 * 16 * 2, 3 * 32 * 48
    assert count_linear_weights(model) == 2 * (attention + mlp)
    full = RunConfig(model="m", dataset="d", sft=SftStage(method="full"))
    assert stage_passes("sft", full.stages["sft"], full) == 3
    lora = RunConfig(model="m", dataset="d", dpo=DpoStage(), gradient_checkpointing=True)
    assert stage_passes("dpo", lora.stages["dpo"], lora) == 4


def test_the_measured_peak_is_plausible() -> None:
    assert 1e8 < measure_peak_flops(torch.float32) < 1e16


def test_log_lines_get_tokens_per_second_mfu_and_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("training.run.speed.time.monotonic", lambda: now[0])
    model = torch.nn.Sequential(torch.nn.Linear(10, 10, bias=False))
    speed = SpeedMetrics(passes=3, peak_flops=60_000.0)
    state = SimpleNamespace(global_step=0, max_steps=10)
    speed.on_train_begin(None, state, None, model=model)
    speed.on_step_begin(None, state, None)
    now[0], state.global_step = 104.0, 2
    logs: dict[str, Any] = {"loss": 1.0, "num_tokens": 200.0}
    speed.on_log(None, state, None, logs=logs)
    assert logs["tokens_per_second"] == 50.0
    assert logs["mfu"] == 0.5  # 50 tokens x 100 weights x 3 passes x 2 / 60,000
    assert logs["seconds_left"] == 16.0
    speed.on_log(None, state, None, logs=(last := {"train_runtime": 4.0}))
    assert last == {"train_runtime": 4.0}


def test_frozen_layers_count_one_pass_of_the_tokens_that_went_through_them(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("training.run.speed.time.monotonic", lambda: now[0])
    model = torch.nn.Module()
    model.layers = torch.nn.Sequential(*(torch.nn.Linear(10, 10, bias=False) for _ in range(4)))
    outer = torch.nn.Sequential(model)
    model.frozen_states = SimpleNamespace(computed_tokens=0)
    speed, state = (
        SpeedMetrics(passes=3, peak_flops=10_000.0, adapted_layers=1),
        SimpleNamespace(global_step=0, max_steps=9),
    )
    speed.on_train_begin(None, state, None, model=outer)
    speed.on_step_begin(None, state, None)
    now[0], state.global_step, model.frozen_states.computed_tokens = 1.0, 1, 4
    logs: dict[str, Any] = {"num_tokens": 10.0}
    speed.on_log(None, state, None, logs=logs)
    assert logs["mfu"] == pytest.approx((10 * 2 * 3 * 100 + 4 * 2 * 300) / 10_000)


def test_a_resumed_stage_excludes_earlier_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("training.run.speed.time.monotonic", lambda: now[0])
    speed, state = SpeedMetrics(passes=2, peak_flops=1.0), SimpleNamespace(global_step=6, max_steps=10)
    speed.on_step_begin(None, state, None)
    now[0], state.global_step = 1.0, 7
    logs = {"num_tokens": 7000.0}
    speed.on_log(None, state, None, logs=logs)
    assert "tokens_per_second" not in logs and logs["seconds_left"] == 3.0
