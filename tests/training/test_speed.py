"""Speed is tokens a second, and the operations they take as a share of the machine's matrix products."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from training.run.speed import Speed, linear_weights, matmul_peak, passes_of


def test_weights_are_those_that_every_token_meets(make_model: Any) -> None:
    model = make_model("gqa")
    attention, mlp = 32 * 32 * 2 + 32 * 16 * 2, 3 * 32 * 48
    assert linear_weights(model) == 2 * (attention + mlp)
    assert passes_of(full=True, reference=False, recomputed=False) == 3
    assert passes_of(full=False, reference=True, recomputed=True) == 4


def test_the_peak_of_this_machine_is_measured_within_a_second() -> None:
    begun = time.monotonic()
    assert 1e8 < matmul_peak(torch.float32) < 1e16
    assert time.monotonic() - begun < 5


def test_what_is_logged_gets_tokens_a_second_their_share_of_the_peak_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("training.run.speed.time.monotonic", lambda: now[0])
    model = torch.nn.Sequential(torch.nn.Linear(10, 10, bias=False))
    speed = Speed(passes=3, peak=60_000.0)
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


def test_a_resumed_stage_counts_only_what_it_has_seen_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("training.run.speed.time.monotonic", lambda: now[0])
    speed, state = Speed(passes=2, peak=1.0), SimpleNamespace(global_step=6, max_steps=10)
    speed.on_step_begin(None, state, None)
    now[0], state.global_step = 1.0, 7
    logs = {"num_tokens": 7000.0}
    speed.on_log(None, state, None, logs=logs)
    assert "tokens_per_second" not in logs and logs["seconds_left"] == 3.0
