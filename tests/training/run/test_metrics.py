"""`metrics.jsonl` has each step once, also after a kill and a resume."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from training.run.metrics import MetricsLog, draw_curves, read_metrics, truncate_log


def state(step: int) -> SimpleNamespace:
    return SimpleNamespace(global_step=step, max_steps=10, is_world_process_zero=True)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_log_lines_are_json_with_numbers_only(tmp_path: Path) -> None:
    log = MetricsLog("sft", tmp_path / "metrics.jsonl", tmp_path / "tensorboard")
    log.on_train_begin(None, state(0), None)
    log.on_log(None, state(1), None, logs={"loss": 2.0, "note": "no number"})
    log.on_log(None, state(1), None, logs={"train_runtime": 1.0})
    log.on_train_end(None, state(1), None)
    (line,) = lines_of(tmp_path / "metrics.jsonl")
    assert line == {"stage": "sft", "step": 1, "seconds": line["seconds"], "loss": 2.0}
    assert any((tmp_path / "tensorboard" / "sft").iterdir())


def test_lines_of_repeated_steps_and_a_truncated_line_are_removed(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.jsonl"
    for stage, steps in (("sft", (1, 2)), ("dpo", (1, 2, 3))):
        log = MetricsLog(stage, metrics, tmp_path / "tensorboard")
        log.on_train_begin(None, state(0), None)
        log.started -= 100
        for step in steps:
            log.on_log(None, state(step), None, logs={"loss": step / 2})
        log.on_train_end(None, state(steps[-1]), None)
    metrics.write_text(metrics.read_text() + '{"stage": "dpo", "st')
    assert 100 <= truncate_log(metrics, "dpo", 2) < 101
    assert [(line["stage"], line["step"]) for line in lines_of(metrics)] == [
        ("sft", 1),
        ("sft", 2),
        ("dpo", 1),
        ("dpo", 2),
    ]
    assert truncate_log(metrics, "dpo", 0) == 0 and list(read_metrics(metrics)) == ["sft"]
    assert truncate_log(tmp_path / "none.jsonl", "sft", 0) == 0


def test_curves_are_drawn_if_there_are_metrics(tmp_path: Path) -> None:
    draw_curves(tmp_path / "metrics.jsonl", tmp_path / "training.png")
    assert not (tmp_path / "training.png").exists()
    (tmp_path / "metrics.jsonl").write_text('{"stage": "dpo", "step": 1, "loss": 0.7, "rewards/margins": 0.1}\n')
    draw_curves(tmp_path / "metrics.jsonl", tmp_path / "training.png")
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")
