"""`training.png`: how loss, reward accuracy and margin went, from a run's metrics. Knows no model."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Stages = dict[str, list[dict[str, Any]]]
"""Stage -> what it logged, in order of its steps."""

PANELS = {"loss": "loss (nats)", "rewards/accuracies": "pairs ranked right", "rewards/margins": "reward margin (nats)"}


def draw_curves(metrics: Path, picture: Path) -> None:
    """A row of panels a stage, a panel a figure that the stage logged. Draws nothing where there are no metrics."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    stages = read_metrics(metrics)
    if not stages:
        return
    figure = Figure(figsize=(4 * columns(stages), 3 * len(stages)), layout="constrained")
    FigureCanvasAgg(figure)
    plot_stages(figure, stages)
    figure.savefig(picture, dpi=120)


def plot_stages(figure: "Figure", stages: Stages) -> None:
    """The panels, on an empty figure."""
    for row, (stage, lines) in enumerate(stages.items()):
        for column, name in enumerate(_shown(lines)):
            axes = figure.add_subplot(len(stages), columns(stages), row * columns(stages) + column + 1)
            points = [(line["step"], line[name]) for line in lines if name in line]
            axes.plot(*zip(*points, strict=True), linewidth=1.5, marker=".")
            axes.set(title=stage, xlabel="step", ylabel=PANELS[name])
            axes.grid(alpha=0.3)


def columns(stages: Stages) -> int:
    """Panels side by side."""
    return max(len(_shown(lines)) for lines in stages.values())


def read_metrics(metrics: Path) -> Stages:
    """The lines of `metrics.jsonl` by stage, in order. Of a step that was run again after a resume, the later line."""
    stages: dict[str, dict[int, dict[str, Any]]] = {}
    for line in map(json.loads, metrics.read_text().splitlines() if metrics.exists() else ()):
        stages.setdefault(line["stage"], {})[line["step"]] = line
    return {stage: [lines[step] for step in sorted(lines)] for stage, lines in stages.items()}


def _shown(lines: list[dict[str, Any]]) -> list[str]:
    return [name for name in PANELS if any(name in line for line in lines)]
