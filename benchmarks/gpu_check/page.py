"""The page for docs/measurements/ from the figures of a GPU check."""

from typing import Any


def page(report: dict[str, Any]) -> str:
    """Markdown with one table per step, and the error of each step that failed."""
    lines = [
        "# GPU check",
        "",
        f"{report['date']}, {report['device']}, torch {report['torch']}, commit {report['commit']}.",
        f"Command: `{report['command']}`. Random weights; memory is the peak that torch allocated.",
        "",
        "| step | result | seconds | predicted memory, GB | measured, GB | measured / predicted |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_row(step) for step in report["steps"]]
    for step in report["steps"]:
        lines += ["", f"## {step['name']}", "", f"{step['what']}.", ""]
        if "error" in step:
            lines += ["Failed:", "", "```", step["error"].replace("```", "'''"), "```"]
            continue
        lines += ["| figure | value |", "|---|---|"]
        lines += [f"| {name.replace('_', ' ')} | {_shown(value)} |" for name, value in step["figures"].items()]
    return "\n".join(lines) + "\n"


def _row(step: dict[str, Any]) -> str:
    predicted, measured = step.get("predicted_bytes"), step.get("figures", {}).get("peak_gpu_bytes")
    ratio = f"{measured / predicted:.2f}" if measured and predicted else ""
    result = "failed" if "error" in step else "ran"
    cells = (step["name"], result, _shown(step.get("seconds", "")), _gigabytes(predicted), _gigabytes(measured), ratio)
    return "| " + " | ".join(cells) + " |"


def _gigabytes(size: int | None) -> str:
    return f"{size / 1e9:.2f}" if size else ""


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
