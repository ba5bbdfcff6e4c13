"""The page heads.md and the picture heads.png."""

import argparse
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib import pyplot

from benchmarks.heads.course import MODEL, SHARE, Course, Rows
from benchmarks.heads.new_labs import BATCH, WORDS_DRAWS
from benchmarks.heads.tables import Points, machine, table
from benchmarks.heads.unseen import SPLITS
from serving.measures.decisions import Decision

matplotlib.use("Agg")
PAGE = """# Heads on frozen features

Command: `python -m benchmarks.heads.agreement FOLDER docs/measurements --draws {draws} --counts {counts}`,
{machine}: {data}. Reading all programs took {reading} (a few minutes if their features are not in the cache), a refit
{refit}.

- *Unseen students*: {splits} splits by student over all labs, {share} for training. *Unseen labs*: each lab in turn,
  trained on the ratings of the others; *known criteria* have a title that another lab has, too. Bag of words leaves
  other criteria ungraded, which counts as disagreement.
- *n rated*: a new lab of which a TA has rated n programs, trained on these and on all other labs; measured on the
  lab's other programs. Draws of random programs: {finished} (bag of words: at most {words_draws}). Chosen programs: in
  the order in which `grader label` proposes them, {batch} between two refits.
- *Evidence alone* is a head that sees what `observations.jsonl` has, but no code. *n rated* is without evidence.
- Heads see all programs of a lab without their ratings, as in use. Near-copies are not removed. Intervals: 95 %, over
  students. Decisions of several splits or draws are pooled.
- Tuned on the same labs, so expect less on new data: regularisation and the shares of the features on other splits of
  the same students and on leaving labs out, the weight of a lab's own habits and the rule that proposes programs (the
  best of five) on other draws of rated programs.
- Chosen programs are doubtful ones, so the rest is easier than after a random choice: the figures show what is left to
  correct, not how much more the head learned.

{table}

![Agreement on the rest of a new lab, by the number of rated programs](heads.png)
"""


class Run(NamedTuple):
    """`reading`: seconds to read all programs; `refits`: seconds of each; `finished` draws of `arguments.draws`."""

    arguments: argparse.Namespace
    course: Course
    reading: float
    refits: list[float]
    finished: int


def write_page(run: Run, rows: Rows) -> None:
    text, points = table(dict(sorted(rows.items(), key=_place)))
    draw_curves(points, run.arguments.out / "heads.png")
    labs, refits = run.course.labs, run.refits
    programs = sum(len(lab.submissions) for lab in labs)
    (run.arguments.out / "heads.md").write_text(
        PAGE.format(
            draws=run.arguments.draws,
            counts=" ".join(map(str, run.arguments.counts)),
            finished=run.finished,
            machine=machine(),
            data=f"{len(labs)} labs, {programs} programs, base model {MODEL}, layers {run.course.base.layers}",
            reading=f"{run.reading:.0f} s",
            refit=f"{np.median(refits):.1f} s (median of {len(refits)}, longest {max(refits):.1f} s)",
            splits=SPLITS,
            share=f"{SHARE:.0%}",
            batch=BATCH,
            words_draws=WORDS_DRAWS,
            table=text,
        ),
        encoding="utf-8",
    )


def _place(row: tuple[tuple[str, str], list[Decision]]) -> tuple[str, int]:
    """Random programs before chosen ones, by the number of rated ones; other settings stay first and in order."""
    (setting, grader), _ = row
    return (grader.partition(", ")[2], int(setting.split()[0])) if setting.endswith("rated") else ("", 0)


def draw_curves(points: Points, path: Path) -> None:
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for grader in dict.fromkeys(grader for setting, grader in points if setting.endswith("rated")):
        counts = sorted({int(s.split()[0]) for s, g in points if g == grader and s.endswith("rated")})
        values = np.array([points[f"{count} rated", grader] for count in counts])
        axes.plot(counts, values[:, 0], marker="o", label=grader)
        axes.fill_between(counts, values[:, 1], values[:, 2], alpha=0.12)
    axes.set_xlabel("rated programs of the new lab")
    axes.set_ylabel("agreement with the TA on the rest")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
