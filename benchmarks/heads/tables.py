"""Tables of agreement with intervals over students, and what they were measured on."""

import os
import subprocess
import time
from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.heads.course import Rows
from serving.measures.agreement import agreement
from serving.measures.decisions import Decision
from serving.measures.reliability import confidences_and_hits, ece

RESAMPLES, ECE_RESAMPLES = 1000, 200
Points = dict[tuple[str, str], tuple[float, float, float]]
"""(setting, grader) -> agreement and its interval."""


def interval(value: float | None, low: float | None, high: float | None) -> str:
    return "" if value is None or low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def calibration_error(decisions: Sequence[Decision]) -> str:
    students = sorted({d.student for d in decisions})
    groups = [confidences_and_hits(d for d in decisions if d.student == s) for s in students]
    if not sum(len(confidences) for confidences, _ in groups):
        return ""

    def of(chosen: Iterable[int]) -> float:
        picked = [groups[i] for i in chosen]
        return ece(np.concatenate([c for c, _ in picked]), np.concatenate([h for _, h in picked]))

    draws = np.random.default_rng(0).integers(len(students), size=(ECE_RESAMPLES, len(students)))
    low, high = np.quantile([of(draw) for draw in draws], [0.025, 0.975])
    return interval(of(range(len(students))), float(low), float(high))


def table(rows: Rows) -> tuple[str, Points]:
    lines = [
        "| setting | grader | decisions | agreement | macro-F1 | quadratic kappa | ECE |",
        "|---|---|---|---|---|---|---|",
    ]
    points: Points = {}
    for (setting, grader), decisions in rows.items():
        figures = agreement(decisions, resamples=RESAMPLES).figures
        exact = figures["agreement"]
        points[setting, grader] = (exact.value or 0.0, exact.low or 0.0, exact.high or 0.0)
        cells = [interval(*figures[name].model_dump().values()) for name in ("agreement", "macro_f1", "kappa")]
        lines.append(
            f"| {setting} | {grader} | {len(decisions):,} | {' | '.join(cells)} | {calibration_error(decisions)} |"
        )
    return "\n".join(lines), points


def machine() -> str:
    """Date, commit, and the mean number of running processes in the last 15 minutes."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    date = time.strftime("%d %B %Y", time.gmtime())
    return f"{date}, commit {commit.strip()}, on {os.cpu_count()} shared cores, load {os.getloadavg()[2]:.0f}"
