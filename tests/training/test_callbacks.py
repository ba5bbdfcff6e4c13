"""Ctrl-C lets the step under way finish; metrics are lines that a program can read."""

import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from training.callbacks import MetricsLog, StopOnInterrupt
from training.curves import draw_curves, read_metrics


def state(step: int) -> SimpleNamespace:
    return SimpleNamespace(global_step=step, max_steps=10, is_world_process_zero=True)


def test_ctrl_c_asks_for_a_checkpoint_and_the_end_once_the_step_is_done() -> None:
    stop, control = StopOnInterrupt(), SimpleNamespace(should_save=False, should_training_stop=False)
    with stop.listening():
        stop.on_step_end(None, state(3), control)
        assert not control.should_save
        os.kill(os.getpid(), signal.SIGINT)
        stop.on_step_end(None, state(4), control)
    assert control.should_save and control.should_training_stop and stop.stopped


def test_a_second_ctrl_c_ends_the_run_at_once() -> None:
    stop = StopOnInterrupt()
    with stop.listening(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.asked_at is not None
        stop.asked_at -= 2
        os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_in_the_last_step_stops_nothing_and_the_old_handler_comes_back() -> None:
    stop, control = StopOnInterrupt(), SimpleNamespace(should_save=False, should_training_stop=False)
    before = signal.getsignal(signal.SIGINT)
    with stop.listening():
        os.kill(os.getpid(), signal.SIGINT)
        stop.on_step_end(None, state(10), control)
    assert not stop.stopped and signal.getsignal(signal.SIGINT) is before


def test_metrics_are_lines_of_json_and_a_step_run_again_counts_once(tmp_path: Path) -> None:
    log = MetricsLog("sft", tmp_path / "metrics.jsonl", tmp_path / "tensorboard")
    log.on_train_begin(None, state(0), None)
    for step, loss in ((1, 2.0), (2, 1.5), (2, 1.4)):
        log.on_log(None, state(step), None, logs={"loss": loss, "note": "no number"})
    log.on_log(None, state(2), None, logs={"train_runtime": 1.0})
    log.on_train_end(None, state(2), None)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["stage"], line["step"], line["loss"]) for line in lines] == [
        ("sft", 1, 2),
        ("sft", 2, 1.5),
        ("sft", 2, 1.4),
    ]
    assert [line["loss"] for line in read_metrics(tmp_path / "metrics.jsonl")["sft"]] == [2.0, 1.4]
    assert any((tmp_path / "tensorboard" / "sft").iterdir())


def test_the_curves_are_a_picture_and_no_metrics_are_none(tmp_path: Path) -> None:
    draw_curves(tmp_path / "metrics.jsonl", tmp_path / "training.png")
    assert not (tmp_path / "training.png").exists()
    (tmp_path / "metrics.jsonl").write_text('{"stage": "dpo", "step": 1, "loss": 0.7, "rewards/margins": 0.1}\n')
    draw_curves(tmp_path / "metrics.jsonl", tmp_path / "training.png")
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")
