"""Training metrics: `metrics.jsonl` and tensorboard while a run trains, `training.png` at its end."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch.utils.tensorboard import SummaryWriter
from transformers import TrainerCallback

from labs_schema.files.atomic import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TIMING_FIELDS = ("seconds", "tokens_per_second", "mfu", "seconds_left")
"""All other fields are identical in a run that was stopped and resumed."""
Stages = dict[str, list[dict[str, Any]]]
"""Stage -> its log lines in the order of steps."""
PANELS = {
    "loss": "loss (nats)",
    "eval_agreement": "agreement with the TAs",
    "rewards/accuracies": "reward accuracy",
    "rewards/margins": "reward margin (nats)",
}
VALIDATION = {"loss": "eval_loss"}
"""A curve of training -> that of validation in the same panel."""


class MetricsLog(TrainerCallback):  # type: ignore[misc]
    """Appends a JSON object per logged step to `metrics.jsonl`, with stage, step and seconds of training, and writes
    tensorboard events. Removes the lines of steps that are repeated after a resume."""

    def __init__(self, stage: str, metrics: Path, tensorboard: Path) -> None:
        self.stage, self.metrics, self.tensorboard = stage, metrics, tensorboard
        self.started = 0.0

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        self.started = time.monotonic()
        if state.is_world_process_zero:
            self.started -= truncate_log(self.metrics, self.stage, state.global_step)
            self.writer = SummaryWriter(str(self.tensorboard / self.stage), purge_step=state.global_step + 1)

    def on_log(self, _args: Any, state: Any, _control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if not state.is_world_process_zero or not logs or "train_runtime" in logs:
            return
        seconds = time.monotonic() - self.started
        numbers = {name: value for name, value in logs.items() if isinstance(value, int | float)}
        line = {"stage": self.stage, "step": state.global_step, "seconds": round(seconds, 2), **numbers}
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        for name, value in numbers.items():
            self.writer.add_scalar(name, value, state.global_step)

    def on_train_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self.writer.close()


def truncate_log(metrics: Path, stage: str, step: int) -> float:
    """Removes the lines of `stage` after `step` (0: all), and a last line that a killed run did not complete.

    Returns the `seconds` of the stage's last remaining line.
    """
    text = metrics.read_text(encoding="utf-8") if metrics.exists() else ""
    lines = [(line, json.loads(line)) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    remaining = [
        (line, values) for line, values in lines if values["stage"] != stage or (step and values["step"] <= step)
    ]
    if (shortened := "".join(line for line, _ in remaining)) != text:
        write_atomically(metrics, shortened)
    return max((float(values["seconds"]) for _, values in remaining if values["stage"] == stage), default=0.0)


def read_metrics(metrics: Path) -> Stages:
    """The lines of `metrics.jsonl` by stage, those of a step as one: training and validation log a line each."""
    stages: dict[str, dict[int, dict[str, Any]]] = {}
    for line in map(json.loads, metrics.read_text().splitlines() if metrics.exists() else ()):
        steps = stages.setdefault(line["stage"], {})
        steps[line["step"]] = steps.get(line["step"], {}) | line
    return {stage: [lines[step] for step in sorted(lines)] for stage, lines in stages.items()}


def draw_curves(metrics: Path, picture: Path) -> None:
    """Writes a picture with a row of panels per stage. Does nothing without metrics."""
    from matplotlib.figure import Figure

    stages = read_metrics(metrics)
    if not stages:
        return
    figure = Figure(figsize=(4 * columns(stages), 3 * len(stages)), layout="constrained")
    plot_stages(figure, stages)
    figure.savefig(picture, dpi=120)


def plot_stages(figure: "Figure", stages: Stages) -> None:
    """Draws the panels on an empty figure."""
    for row, (stage, lines) in enumerate(stages.items()):
        for column, name in enumerate(_panels(lines)):
            axes = figure.add_subplot(len(stages), columns(stages), row * columns(stages) + column + 1)
            for curve, label in ((name, "training"), (VALIDATION.get(name, ""), "validation")):
                if points := [(line["step"], line[curve]) for line in lines if curve in line]:
                    label = "validation" if curve.startswith("eval_") else label
                    axes.plot(*zip(*points, strict=True), linewidth=1.5, marker=".", label=label)
            if any("eval_loss" in line for line in lines):
                axes.legend(frameon=False, fontsize="small")
            axes.set(title=stage, xlabel="step", ylabel=PANELS[name])
            axes.grid(alpha=0.3)


def columns(stages: Stages) -> int:
    """The largest number of panels in a row."""
    return max(len(_panels(lines)) for lines in stages.values())


def _panels(lines: list[dict[str, Any]]) -> list[str]:
    return [name for name in PANELS if any(name in line for line in lines)]
