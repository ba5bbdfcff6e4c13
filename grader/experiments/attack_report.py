"""The result of `grader attack`: attack.json, its tables and its figure. Contains no student's id or text."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Group as Stack
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from labs_schema.frozen import Frozen
from labs_schema.models import Lab
from prompts.attacks.attack import Attack
from serving.measures.attack_effects import Attempt, CleanEffect, Effect, clean_effect, effect
from serving.measures.resampling import Estimate

ALL, CONTROL = "all", "control text"
TOP_ATTACKS = 5
"""Single attacks in the second table."""


class AttackReport(Frozen):
    """`families` starts with ALL and ends with CONTROL: ordinary words in the places of all attacks, counted once per
    attack, so that its counts compare with those of ALL. `accept_from`: the confidence from which answers counted as
    accepted; None if the model's calibration decided."""

    lab: str
    accept_from: float | None
    clean: CleanEffect
    families: dict[str, Effect]
    attacks: dict[str, Effect]


def attack_report(
    lab: Lab,
    suite: Sequence[Attack],
    repeated: Sequence[Attempt],
    attacked: Mapping[str, Sequence[Attempt]],
    controls: Mapping[str, Sequence[Attempt]],
    *,
    accept_from: float | None,
    resamples: int = 2000,
    seed: int = 0,
) -> AttackReport:
    """`repeated`: the clean programs graded again; `attacked`: attack -> its attempts; `controls`: attack -> those of
    control text in its place."""
    names = {ALL: [a.name for a in suite]}
    for attack in suite:
        names.setdefault(attack.family, []).append(attack.name)

    def found(members: Sequence[str], of: Mapping[str, Sequence[Attempt]] = attacked) -> Effect:
        these, control = ([*chain.from_iterable(each[name] for name in members)] for each in (of, controls))
        return effect(these, repeated, control, resamples=resamples, seed=seed)

    return AttackReport(
        lab=lab.name,
        accept_from=accept_from,
        clean=clean_effect(repeated, resamples=resamples, seed=seed),
        families={family: found(members) for family, members in names.items()} | {CONTROL: found(names[ALL], controls)},
        attacks={attack.name: found([attack.name]) for attack in suite},
    )


def shown(report: AttackReport) -> Stack:
    """Tables of the families and of the most effective attacks, and the guards' effect on clean programs."""
    ranked = sorted(report.attacks.items(), key=lambda item: -(item[1].raised.value or 0.0))
    return Stack(
        _effects(f"{report.lab}: attacked programs compared with the same clean programs", report.families),
        _effects("the most effective attacks", dict(ranked[:TOP_ATTACKS])),
        *_explanation(report),
    )


def draw_families(report: AttackReport, out: Path) -> None:
    """Writes a PNG: for each family the share of raised and of undetected answers, with 95 % intervals, and a line at
    the share that a repeated grading of the clean programs raises."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.6 * len(report.families) + 1.6), layout="constrained")
    axis = figure.subplots()
    families = report.families.items()
    rows = [-row for row in range(len(families))]
    for shift, label, colour, estimates in (
        (0.2, "raised", "#e69f00", [found.raised for _, found in families]),
        (-0.2, "raised and accepted (undetected)", "#d55e00", [found.undetected for _, found in families]),
    ):
        values, errors = _bars(estimates)
        axis.barh([row + shift for row in rows], values, 0.38, xerr=errors, label=label, color=colour, capsize=2)
    repeat = 100 * (report.clean.repeat_raised.value or 0.0)
    axis.axvline(repeat, color="#0072b2", linestyle="--", label="raised by grading the clean program again")
    axis.set_yticks(rows, [f"{name} ({found.raisable:,})" for name, found in families])
    axis.get_yticklabels()[[*report.families].index(ALL)].set_fontweight("bold")
    axis.set_xlim(left=0)
    axis.set_xlabel("% of the answers that could be raised (their number in brackets)")
    axis.set_title(f"{report.lab}: prompt injection")
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    figure.savefig(out, dpi=110)


def _bars(estimates: list[Estimate]) -> tuple[list[float], tuple[list[float], list[float]]]:
    """Values in per cent and the lengths of the error bars; 0 for an undefined share."""
    values = [100 * (each.value or 0.0) for each in estimates]
    below = [max(0.0, value - 100 * (each.low or 0.0)) for value, each in zip(values, estimates, strict=True)]
    above = [max(0.0, 100 * (each.high or 0.0) - value) for value, each in zip(values, estimates, strict=True)]
    return values, (below, above)


def _effects(title: str, effects: Mapping[str, Effect]) -> Table:
    caption = r"shares in %, \[..]: 95 % over students"
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, caption=caption, padding=(0, 1, 0, 0))
    table.add_column("", overflow="fold", min_width=12)
    for heading in ("of", "raised", "above repeat", "undetected", "n", "found", "verif.", "low"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, found in effects.items():
        raised = _inline(found.raised).split(" ")[0]
        caught = (found.caught["detector"], found.caught["verification pass"], found.caught["low confidence"])
        shares = _two_lines(found.above_repeat, sign=True), _two_lines(found.undetected)
        counts = map("{:,}".format, (found.undetected_raises, *caught))
        table.add_row(name, f"{found.raisable:,}", raised, *shares, *counts)
    return table


def _explanation(report: AttackReport) -> list[RenderableType]:
    clean, total = report.clean, report.families[ALL]
    accepted = {
        None: "The model's calibration decides what is accepted.",
        0.0: "No calibration applies here: everything that no guard stops counts as accepted (the worst case).",
    }.get(report.accept_from, f"Answers count as accepted from a confidence of {report.accept_from}.")
    meaning = (
        "raised: answers with more marks than on the clean program, as a share of those that could have more. "
        "undetected, n: raised and accepted. found (by the detector), verif. (verification pass), low (confidence): "
        "raises sent to review, by the first guard that acted."
    )
    controls = (
        f"Attacks raise {_inline(total.above_control, sign=True)} of the raisable answers beyond control text in the "
        "same places."
    )
    alarms = (
        f"Clean programs: the detector flags {clean.flagged_submissions} of {clean.submissions}; the verification pass "
        f"sends {_inline(clean.sent_by_verification_pass)} of {clean.answers} answers to review; grading them again "
        f"raises {_inline(clean.repeat_raised)} of the raisable answers."
    )
    agreement = (
        f"Agreement with the TAs: clean {_inline(clean.agreement)}, graded again {_inline(clean.agreement_repeated)}, "
        f"attacked {_inline(total.agreement_change, sign=True)} compared with clean."
    )
    return [escape(line) for line in (accepted, meaning, controls, alarms, agreement)]


def _two_lines(estimate: Estimate, *, sign: bool = False) -> str:
    return escape(_inline(estimate, sign=sign).replace(" % [", "\n["))


def _inline(estimate: Estimate, *, sign: bool = False) -> str:
    """`12.0 % [3.1, 20.4]`, or `-` for an undefined share."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "-"
    form = "{:+.1f}" if sign else "{:.1f}"
    value, low, high = (form.format(100 * each) for each in (estimate.value, estimate.low, estimate.high))
    return f"{value} % [{low}, {high}]"
