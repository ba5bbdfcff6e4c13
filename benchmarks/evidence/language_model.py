"""The block of observations as a small language model reads it.

Run: python -m benchmarks.evidence.language_model WORK docs/measurements

WORK: the labs with observations that benchmarks/evidence/agreement.py leaves there. Heads get the hidden states of the
block's text, in place of the numbers of the evidence.

Time: minutes. Figures: docs/measurements/evidence-language-model.md.
"""

import argparse
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.evidence.agreement import LABS, STUDENTS, Show, measure
from benchmarks.heads.course import BOTH, HEAD, MAJORITY, MODEL, Course, kinds_of_heads
from benchmarks.heads.tables import interval
from grader.heads.base import HeadBase, open_base
from grader.heads.fitting import read_features
from grader.progress_bars import step_bars
from labs_schema.models import Lab
from labs_schema.reading.lab_folders import OBSERVATIONS
from labs_schema.reading.validate import load_lab
from prompts.base_models import find_base
from prompts.observed import observed_text
from prompts.style import PromptStyle
from serving.measures.agreement import agreement, difference
from serving.measures.decisions import Decision
from training.head.basis import Floats

TEXT = "head + block as text"
GRADERS = (MAJORITY, HEAD, TEXT, BOTH)
COMPONENTS = 64
"""Of the block's hidden states."""
RESAMPLES = 1000
Rows = dict[tuple[str, str], list[Decision]]
PAGE = """# Evidence in the prompt of a language model

Command: `python -m benchmarks.evidence.language_model WORK docs/measurements`, {date}, commit {commit}, with one thread
on 2 cores shared with other work: {data}. The model is {model}, frozen.

Prompts show observations as a block of text after the program. This is how much of it a small model's hidden states
hold: heads as in [evidence](evidence.md), on its labs, checks and splits. *{text}* has {components} principal
components of the mean hidden states of the block's text where *{both}* has the numbers of the evidence. Intervals:
95 %, over students; differences are paired by decision.

{summary}

{tables}

**Not measured**: a model that was tuned (`grader train`) with and without the block.
"""


def measured(labs: Sequence[Lab], base: HeadBase, show: Show) -> Rows:
    """The decisions of heads without evidence, with the block as text, and with evidence as numbers."""
    features = read_features([(lab, lab.submissions) for lab in labs], base, 0, show)
    kinds = kinds_of_heads(features)
    blocks = [observed_text(s.observations, PromptStyle().observed_chars) for lab in labs for s in lab.submissions]
    different = sorted(set(blocks))
    places = {block: place for place, block in enumerate(different)}
    states = np.concatenate([base.states.means(different[i : i + 16]) for i in range(0, len(different), 16)])
    read = components(states[[places[block] for block in blocks]])
    read *= np.sqrt(np.square(features.programs.evidence).sum(1).mean())  # as strong as the numbers
    reading = features._replace(programs=features.programs._replace(evidence=read))
    return measure(Course(list(labs), {HEAD: kinds[HEAD], TEXT: reading, BOTH: kinds[BOTH]}, base), show)


def components(states: NDArray[np.float32]) -> Floats:
    """(n, COMPONENTS): the principal components of standardised states; rows have a mean square length of 1."""
    standard = (states - states.mean(0)) / (states.std(0) + 1e-6)
    left, sizes, _ = np.linalg.svd(standard.astype(np.float64), full_matrices=False)
    found: Floats = left[:, :COMPONENTS] * sizes[:COMPONENTS]
    scaled: Floats = found / np.sqrt(np.square(found).sum(1).mean())
    return scaled


def summary(rows: Rows) -> str:
    lines = [f"| setting | {TEXT} minus {HEAD} | {BOTH} minus {TEXT} |", "|---|---|---|"]
    for setting in (STUDENTS, LABS):
        text = rows[setting, TEXT]
        cells = paired(text, rows[setting, HEAD]), paired(rows[setting, BOTH], text)
        lines.append(f"| {setting} | {' | '.join(cells)} |")
    return "\n".join(lines)


def table(rows: Rows, setting: str) -> str:
    lines = [f"| {setting} | decisions | {' | '.join(GRADERS)} |", "|---" * (2 + len(GRADERS)) + "|"]
    for title in [None, *dict.fromkeys(d.criterion for d in rows[setting, HEAD])]:
        of = {name: [d for d in rows[setting, name] if title in (None, d.criterion)] for name in GRADERS}
        cells = " | ".join(shown(each) for each in of.values())
        lines.append(f"| {title or '**all criteria**'} | {len(of[HEAD]):,} | {cells} |")
    return "\n".join(lines)


def shown(decisions: Sequence[Decision]) -> str:
    figure = agreement(decisions, resamples=RESAMPLES).figures["agreement"]
    return interval(figure.value, figure.low, figure.high)


def paired(ours: Sequence[Decision], theirs: Sequence[Decision]) -> str:
    figure = difference(ours, theirs, resamples=RESAMPLES)["agreement"]
    return interval(figure.value, figure.low, figure.high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("out", type=Path)
    chosen = parser.parse_args()
    labs = [load_lab(path.parent) for path in sorted(chosen.work.glob(f"*/{OBSERVATIONS}"))]
    with step_bars() as show:
        rows = measured(labs, open_base(find_base(MODEL), None), show)
    page = PAGE.format(
        date=time.strftime("%d %B %Y", time.gmtime()),
        commit=subprocess.run(("git", "rev-parse", "--short", "HEAD"), capture_output=True, text=True).stdout.strip(),
        data=f"{len(labs)} labs, {sum(len(lab.submissions) for lab in labs)} programs",
        model=MODEL,
        text=TEXT.capitalize(),
        both=BOTH.capitalize(),
        components=COMPONENTS,
        summary=summary(rows),
        tables="\n\n".join(table(rows, setting) for setting in (STUDENTS, LABS)),
    )
    (chosen.out / "evidence-language-model.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
