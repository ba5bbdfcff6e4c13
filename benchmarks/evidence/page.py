"""The page and the picture of benchmarks/evidence/agreement.py."""

import platform
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot

from benchmarks.evidence.reasons import explain, failing_table, is_style, observed_in, reasons_table, rules_table
from benchmarks.heads.course import BOTH, EVIDENCE, HEAD, MAJORITY
from benchmarks.heads.tables import interval
from labs_schema.models import Lab
from serving.measures.agreement import agreement, difference
from serving.measures.decisions import Decision

GRADERS = (MAJORITY, HEAD, EVIDENCE, BOTH)
RESAMPLES = 1000
PAGE = """# Evidence

Command: `python -m benchmarks.evidence.agreement FOLDER tests/lab_checks docs/measurements --work WORK`, {date},
commit {commit}, on {machine}: {data}.
With `--observed`, it uses the observations that WORK has.

- *Head* reads the program only: its observations are left out. *Evidence alone* sees only what happened when the
  checks were run, and which lab it is. *Head + evidence* sees both. *Majority* is the most frequent rating.
- *Unseen students*: 3 splits by student over all labs, 70 % for training. *Unseen labs*: each lab in turn, trained on
  the ratings of the others; a criterion that no other lab has is answered from similar ones.
- Intervals: 95 %, over students. Decisions of several splits are pooled. Near-copies are not removed.
- The checks (`tests/lab_checks`) were written from the problem statements and committed (0e335c4) before any result
  was seen; since then only their time limit has changed. Their author had read the rubrics, whose criterion "Are
  boundary cases handled?" lists inputs of the rating: {listed} of the checks' {inputs} inputs occur there.
- The ratings were measured by running the programs on other inputs. Agreement with them is agreement between two sets
  of tests; people may agree less.
- The closeness of outputs became a feature, and the strength of evidence a choice on held-out students, after a first
  look at results on these labs. Expect slightly less on new data.

## By criterion

{tables}

![Agreement by criterion](evidence.png)

Criteria about style are those that no check is about. Head + evidence minus head, on these: {style}.

## Without learning

A fixed rule for the criteria about behaviour: A if all checks of the criterion pass, C if none does or the program was
not built, else B. It needs no rated program. `decided_by` is the same as a course writes it into `rubrics.json`
(`DECIDED_BY` in `benchmarks/evidence/reasons.py`); it uses no model, and leaves criteria that it cannot decide to one.
`python -m benchmarks.evidence.reasons WORK` prints this table alone, in a few seconds.
Only the rule ignores the format tests of an input whose values are wrong. The bootstrap interval [1.000, 1.000] cannot
show rare disagreements: by the rule of three, none in 825 decisions is compatible with a rate of 0.4 %.

{rules}

## Auto-accepted

Heads trained, calibrated (`serving/calibration`) and tested on different students, {splits} splits. The guarantee: at
most 5 % of the auto-accepted decisions disagree with the TA, with 90 % confidence. Without one, nothing is accepted.

{accepted}

## What the evidence gets wrong

Wrong decisions of head + evidence about behaviour, in unseen labs, where every decision occurs once.

{reasons}

{failing}

## Elsewhere

- The twelfth lab, a Java course that people rated: [evidence on a Java course](evidence-java.md).
- Observations in the prompt of a language model: [evidence in the prompt](evidence-language-model.md).
"""
Rows = Mapping[tuple[str, str], Sequence[Decision]]
"""(setting, grader) -> decisions, the same ones in the same order for every grader."""


class Accepted(NamedTuple):
    """Decisions that a calibrated grader auto-accepts, over all splits.

    `guarantees`: the splits with a guarantee, of `splits`. `right` and `wrong` are tested decisions that were accepted,
    of `tested`.
    """

    grader: str
    training: int
    calibration: int
    splits: int
    guarantees: int
    right: int
    wrong: int
    tested: int


def write_page(rows: Rows, accepted: Sequence[Accepted], labs: Sequence[Lab], out: Path) -> None:
    settings = list(dict.fromkeys(setting for setting, _ in rows))
    _draw(rows, settings, out / "evidence.png")
    observed = observed_in(labs)
    wrong = [explain(d, observed) for d in rows[settings[-1], BOTH] if d.grader != d.human]
    explained = [each for each in wrong if each]
    listed, inputs = _listed(labs)
    page = PAGE.format(
        date=time.strftime("%d %B %Y", time.gmtime()),
        commit=subprocess.run(("git", "rev-parse", "--short", "HEAD"), capture_output=True, text=True).stdout.strip(),
        machine=f"{platform.machine()} with 2 cores shared with other work",
        data=f"{len(labs)} labs, {sum(len(lab.submissions) for lab in labs)} programs, {inputs} inputs, observed with "
        f"version {', '.join(sorted({each.tools['observer'] for each in observed.values()}))} of the observer's rules",
        listed=listed,
        inputs=inputs,
        tables="\n\n".join(_table(rows, setting) for setting in settings),
        style="; ".join(f"{setting} {_style_difference(rows, setting)}" for setting in settings),
        rules=rules_table(labs, observed),
        splits=accepted[0].splits,
        accepted=_accepted_table(accepted),
        reasons=reasons_table(explained),
        failing=failing_table(explained),
    )
    (out / "evidence.md").write_text(page, encoding="utf-8")


def _of(decisions: Sequence[Decision], criterion: str) -> list[Decision]:
    return [d for d in decisions if d.criterion == criterion]


def _criteria(rows: Rows, setting: str) -> list[str]:
    return [title for title, _ in Counter(d.criterion for d in rows[setting, BOTH]).most_common()]


def _agreement(decisions: Sequence[Decision]) -> str:
    figure = agreement(decisions, resamples=RESAMPLES).figures["agreement"]
    return interval(figure.value, figure.low, figure.high)


def _table(rows: Rows, setting: str) -> str:
    lines = [f"| {setting} | decisions | {' | '.join(GRADERS)} |", "|---" * (2 + len(GRADERS)) + "|"]
    for title in [None, *_criteria(rows, setting)]:
        mine = {g: _of(rows[setting, g], title) if title else rows[setting, g] for g in GRADERS}
        cells = " | ".join(_agreement(mine[grader]) for grader in GRADERS)
        lines.append(f"| {title or '**all criteria**'} | {len(mine[BOTH]):,} | {cells} |")
    return "\n".join(lines)


def _style_difference(rows: Rows, setting: str) -> str:
    ours, theirs = ([d for d in rows[setting, grader] if is_style(d.criterion)] for grader in (BOTH, HEAD))
    figure = difference(ours, theirs, resamples=RESAMPLES)["agreement"]
    return interval(figure.value, figure.low, figure.high)


def _accepted_table(accepted: Sequence[Accepted]) -> str:
    lines = [
        "| grader | students to train, calibrate | splits with a guarantee | accepted | disagreed |",
        "|---" * 5 + "|",
    ]
    for each in accepted:
        taken = each.right + each.wrong
        cells = [each.grader, f"{each.training}, {each.calibration}", f"{each.guarantees} of {each.splits}"]
        cells += [f"{taken / each.tested:.0%}", f"{each.wrong / taken:.3f}" if taken else ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _listed(labs: Sequence[Lab]) -> tuple[int, int]:
    """The number of the checks' inputs that occur in the text of the rubric, and of all inputs."""
    found = total = 0
    for lab in labs:
        text = " ".join(criterion.description for criterion in lab.criteria)
        observations = next(s.observations for s in lab.submissions if s.observations)
        inputs = {test.input for test in observations.tests if test.input is not None}
        total += len(inputs)
        found += sum('"{}"'.format(each.replace("\n", "\\n")) in text for each in inputs)
    return found, total


def _draw(rows: Rows, settings: Sequence[str], path: Path) -> None:
    titles = _criteria(rows, settings[0])
    figure, axes = pyplot.subplots(1, len(settings), figsize=(11, 6), sharey=True)
    for panel, setting in zip(axes, settings, strict=True):
        for offset, grader in enumerate(GRADERS):
            figures = [agreement(_of(rows[setting, grader], t), resamples=200).figures["agreement"] for t in titles]
            values = np.array([(f.value, f.low, f.high) for f in figures], float)
            places = -np.arange(len(titles)) - (offset - 1.5) * 0.18
            errors = np.abs(values[:, 1:] - values[:, :1]).T
            panel.errorbar(values[:, 0], places, xerr=errors, fmt="o", markersize=4, label=grader)
        panel.set_yticks(-np.arange(len(titles)), titles)
        panel.set_title(setting)
        panel.set_xlabel("agreement with the TA")
        panel.grid(axis="x", alpha=0.3)
    axes[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
