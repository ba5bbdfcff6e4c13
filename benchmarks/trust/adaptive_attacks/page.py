"""The section "Adaptive attacks" of prompt-injection.md."""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from scipy import stats

from benchmarks.heads.course import MODEL
from benchmarks.trust.adaptive_attacks.injections import INJECTIONS, RUNNING, TEXT
from benchmarks.trust.adaptive_attacks.search import Attack, Attempt
from serving.measures.agreement import difference
from serving.measures.decisions import Decision

HEADING = "## Adaptive attacks\n"
SECTION = """## Adaptive attacks

Command: `python -m benchmarks.trust.adaptive_attacks FOLDER docs/measurements --attempts {attempts} --control-programs
{control} --running-programs {running}`, {date}, on 2 cores shared with other work, {seconds:.0f} s: {labs} C labs,
base model {model}. FOLDER has the labs after `grader observe` with the checks in `tests/lab_checks`. Heads are trained
on 70 % of the students. The attacked programs are the weakest ones of the other students, by the TA's marks.

The attacker knows the detector, the sanitizer and what a head reads, and sees the grader's probabilities. A search
changes each program step by step, by one or two injections at a time. The injected text is taken from the prompts of
the evaluation attacks and from code, strings and names of the lab's best programs. A change is dropped if the expected
marks fall, or if the detector finds it. In this worst case, every answer is accepted unless the detector or the
verification pass sends it to review. An attempt is a *raise* if any answer has more marks than on the clean program,
and *silent* if such an answer is accepted. Observations are those of the clean program, whose behaviour no injection
changes.

- *Added text*: {text}.
- *Code that runs*: also {running_families}.

| grader | attack | programs | raises | **silent raises** | programs with a silent raise |
|---|---|---|---|---|---|
{table}

Intervals: 95 %, Clopper and Pearson, over attempts or programs, in percent. Attempts on one program depend on each
other, so the interval over programs is the one to rely on. {compiled}

| clean programs of held-out students | sent to review by a guard | agreement | lost against the control, points |
|---|---|---|---|
{clean}

Agreement lost is paired by decision, with a 95 % interval over students. A negative value is a gain over the control,
which has no evidence.

| attempts with (silent raises among them) | {columns} |
|---|{rule}
{by_family}
"""


class Result(NamedTuple):
    """`compiled`: programs that gcc accepts after the attack, of those that it accepts before."""

    grader: str
    attack: Attack
    attempts: list[Attempt]
    compiled: tuple[int, int]

    @property
    def kind(self) -> str:
        return "added text" if set(self.attack.families) == set(TEXT) else "code that runs"


class Clean(NamedTuple):
    """`flagged`: programs of which a guard sent an answer to review."""

    decisions: list[Decision]
    flagged: int
    programs: int


def write_section(
    arguments: argparse.Namespace, results: Sequence[Result], clean: Mapping[str, Clean], seconds: float
) -> None:
    after, before = (sum(result.compiled[i] for result in results) for i in range(2))
    section = SECTION.format(
        attempts=arguments.attempts,
        control=arguments.control_programs,
        running=arguments.running_programs,
        date=f"{datetime.now(UTC):%d %B %Y}",
        seconds=seconds,
        labs=len({d.lab for each in clean.values() for d in each.decisions}),
        model=MODEL,
        text=", ".join(TEXT),
        running_families=", ".join(RUNNING),
        table="\n".join(map(_row, results)),
        compiled=f"After the attacks gcc accepts {after} of the {before} programs that it accepted before."
        if before
        else "",
        clean="\n".join(_clean_row(name, each, clean) for name, each in clean.items()),
        columns=" | ".join(f"{result.grader}, {result.kind}" for result in results),
        rule="---|" * len(results),
        by_family="\n".join(_family_row(family, results) for family in INJECTIONS),
    )
    path = arguments.out / "prompt-injection.md"
    path.write_text(with_section(path.read_text(encoding="utf-8"), HEADING, section), encoding="utf-8")


def with_section(page: str, heading: str, section: str) -> str:
    """`page` with `section`, which starts with the line `heading`, in place of the old one, or as the first one."""
    before, _, old = page.partition(heading)
    if not old:
        before, _, old = page.partition("## ")
        old = f"\n## {old}"
    _, next_heading, after = old.partition("\n## ")
    return f"{before}{section}{next_heading}{after}"


def _row(result: Result) -> str:
    found = result.attempts
    programs, hit = {a.program for a in found}, {a.program for a in found if a.silent}
    cells = [str(len(programs)), rate(sum(a.raised for a in found), len(found))]
    cells += [rate(sum(a.silent for a in found), len(found)), rate(len(hit), len(programs))]
    return f"| {result.grader} | {result.kind} | {' | '.join(cells)} |"


def _clean_row(name: str, each: Clean, clean: Mapping[str, Clean]) -> str:
    right = sum(d.human == d.grader for d in each.decisions) / len(each.decisions)
    control = next((other for other_name, other in clean.items() if other_name.startswith("control")), None)
    if control is each:
        return f"| {name} | not measured | {right:.3f} | |"
    flagged = rate(each.flagged, each.programs)
    if control is None:
        return f"| {name} | {flagged} | {right:.3f} | not measured yet |"
    found = difference(control.decisions, each.decisions)["agreement"]
    lost = f"{100 * (found.value or 0):.2f} [{100 * (found.low or 0):.2f}, {100 * (found.high or 0):.2f}]"
    return f"| {name} | {flagged} | {right:.3f} | {lost} |"


def _family_row(family: str, results: Sequence[Result]) -> str:
    cells = []
    for result in results:
        used = Counter(a.silent for a in result.attempts if family in a.families)
        cells.append(f"{used.total()} ({used[True]})" if used else "")
    return f"| {family} | {' | '.join(cells)} |"


def rate(count: int, of: int) -> str:
    interval = stats.binomtest(count, of).proportion_ci(method="exact")
    return f"{count} of {of} ({100 * count / of:.1f}) [{100 * interval.low:.2f}, {100 * interval.high:.2f}]"
