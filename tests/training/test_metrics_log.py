"""The log of a run: lines that a program can read, each step once, whatever was killed in between."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from training.run.curves import draw_curves, read_metrics
from training.run.metrics_log import MetricsLog, keep_until


def state(step: int) -> SimpleNamespace:
    return SimpleNamespace(global_step=step, max_steps=10, is_world_process_zero=True)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_metrics_are_lines_of_json_with_numbers_only(tmp_path: Path) -> None:
    log = MetricsLog("sft", tmp_path / "metrics.jsonl", tmp_path / "tensorboard")
    log.on_train_begin(None, state(0), None)
    log.on_log(None, state(1), None, logs={"loss": 2.0, "note": "no number"})
    log.on_log(None, state(1), None, logs={"train_runtime": 1.0})
    log.on_train_end(None, state(1), None)
    (line,) = lines_of(tmp_path / "metrics.jsonl")
    assert line == {"stage": "sft", "step": 1, "seconds": line["seconds"], "loss": 2.0}
    assert any((tmp_path / "tensorboard" / "sft").iterdir())


def test_steps_that_will_be_run_again_are_taken_out_with_a_line_that_was_cut_short(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.jsonl"
    for stage, steps in (("sft", (1, 2)), ("dpo", (1, 2, 3))):
        log = MetricsLog(stage, metrics, tmp_path / "tensorboard")
        log.on_train_begin(None, state(0), None)
        log.begun -= 100
        for step in steps:
            log.on_log(None, state(step), None, logs={"loss": step / 2})
        log.on_train_end(None, state(steps[-1]), None)
    metrics.write_text(metrics.read_text() + '{"stage": "dpo", "st')
    assert 100 <= keep_until(metrics, "dpo", 2) < 101
    assert [(line["stage"], line["step"]) for line in lines_of(metrics)] == [
        ("sft", 1),
        ("sft", 2),
        ("dpo", 1),
        ("dpo", 2),
    ]
    assert keep_until(metrics, "dpo", 0) == 0 and list(read_metrics(metrics)) == ["sft"]
    assert keep_until(tmp_path / "none.jsonl", "sft", 0) == 0


def test_the_curves_are_a_picture_and_no_metrics_are_none(tmp_path: Path) -> None:
    draw_curves(tmp_path / "metrics.jsonl", tmp_path / "training.png")
    assert not (tmp_path / "training.png").exists()
    (tmp_path / "metrics.jsonl").write_text('{"stage": "dpo", "step": 1, "loss": 0.7, "rewards/margins": 0.1}\n')
    draw_curves(tmp_path / "metrics.jsonl", tmp_path / "training.png")
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")
