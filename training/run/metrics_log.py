"""`metrics.jsonl`: what a trainer logs, one line a logged step, each step once. Knows no loss."""

import json
import time
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter
from transformers import TrainerCallback

from training.run_folder import write_whole

CLOCK = ("seconds", "tokens_per_second", "mfu", "seconds_left")
"""What the clock has a part in. Everything else in a line is the same in a run that was stopped and went on."""


class MetricsLog(TrainerCallback):  # type: ignore[misc]
    """Appends what the trainer logs to `metrics.jsonl`, one object a line with stage, step and seconds of training, and
    tells tensorboard. `num_tokens`, as trl counts them, is the count of tokens trained on. Steps that will be run again
    after a resume are taken out first."""

    def __init__(self, stage: str, metrics: Path, tensorboard: Path) -> None:
        self.stage, self.metrics, self.tensorboard = stage, metrics, tensorboard
        self.begun = 0.0

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        self.begun = time.monotonic()
        if state.is_world_process_zero:
            self.begun -= keep_until(self.metrics, self.stage, state.global_step)
            self.writer = SummaryWriter(str(self.tensorboard / self.stage), purge_step=state.global_step + 1)

    def on_log(self, _args: Any, state: Any, _control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if not state.is_world_process_zero or not logs or "train_runtime" in logs:
            return
        seconds = time.monotonic() - self.begun
        numbers = {name: value for name, value in logs.items() if isinstance(value, int | float)}
        line = {"stage": self.stage, "step": state.global_step, "seconds": round(seconds, 2), **numbers}
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        for name, value in numbers.items():
            self.writer.add_scalar(name, value, state.global_step)

    def on_train_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self.writer.close()


def keep_until(metrics: Path, stage: str, step: int) -> float:
    """Takes the lines of `stage` after `step` out of the file, and a last line that a kill cut short; gives the seconds
    of the last line of the stage that stays."""
    text = metrics.read_text(encoding="utf-8") if metrics.exists() else ""
    lines = [(line, json.loads(line)) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    kept = [(line, values) for line, values in lines if values["stage"] != stage or values["step"] <= step]
    if (whole := "".join(line for line, _ in kept)) != text:
        write_whole(metrics, whole)
    return max((float(values["seconds"]) for _, values in kept if values["stage"] == stage), default=0.0)
