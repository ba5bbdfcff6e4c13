"""What an attack on a grader found: the whole of `attack.json`, and how it is shown on screen. Names no student."""

from collections.abc import Mapping, Sequence
from itertools import chain

from rich.box import SIMPLE_HEAD
from rich.console import Group as Stack
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from labs_schema.frozen import Frozen
from labs_schema.models import Lab
from prompts.attacks.attack import Attack
from serving.measures.attack_effects import CleanWork, Effect, clean_work, effect
from serving.measures.attempts import Attempt
from serving.measures.resampling import Estimate

ALL, HARMLESS = "all", "harmless text"
WORST = 5
"""Single attacks that are shown."""


class AttackReport(Frozen):
    """`families` begins with ALL and ends with HARMLESS: ordinary words in the places of all attacks, each place
    counted once an attack that uses it, so that its counts can be read beside those of ALL. `accept_from`: the
    confidence from which answers counted as accepted; None where the model's own calibration decided."""

    lab: str
    accept_from: float | None
    clean: CleanWork
    families: dict[str, Effect]
    attacks: dict[str, Effect]


def attack_report(
    lab: Lab,
    suite: Sequence[Attack],
    repeated: Sequence[Attempt],
    attacked: Mapping[str, Sequence[Attempt]],
    beside: Mapping[str, Sequence[Attempt]],
    *,
    accept_from: float | None,
    resamples: int = 2000,
    seed: int = 0,
) -> AttackReport:
    """`repeated`: the clean programs asked again; `attacked`: attack -> its attempts; `beside`: attack -> those of
    harmless text in its place."""
    names = {ALL: [a.name for a in suite]}
    for attack in suite:
        names.setdefault(attack.family, []).append(attack.name)

    def found(members: Sequence[str], of: Mapping[str, Sequence[Attempt]] = attacked) -> Effect:
        these, harmless = ([*chain.from_iterable(each[name] for name in members)] for each in (of, beside))
        return effect(these, repeated, harmless, resamples=resamples, seed=seed)

    return AttackReport(
        lab=lab.name,
        accept_from=accept_from,
        clean=clean_work(repeated, resamples=resamples, seed=seed),
        families={family: found(members) for family, members in names.items()} | {HARMLESS: found(names[ALL], beside)},
        attacks={attack.name: found([attack.name]) for attack in suite},
    )


def shown(report: AttackReport) -> Stack:
    """Families, the single attacks that raise most, and what the guards do to clean work."""
    ranked = sorted(report.attacks.items(), key=lambda item: -(item[1].raised.value or 0.0))
    return Stack(
        _effects(f"{report.lab}: attacked programs beside the same clean ones", report.families),
        _effects("the single attacks that raise most", dict(ranked[:WORST])),
        *_words(report),
    )


def _effects(title: str, effects: Mapping[str, Effect]) -> Table:
    caption = r"shares in %, \[..]: 95 % over students"
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, caption=caption, padding=(0, 1, 0, 0))
    table.add_column("", overflow="fold", min_width=12)
    for heading in ("of", "raised", "above repeat", "silent", "n", "found", "2nd", "low"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, found in effects.items():
        raised = _inline(found.raised).split(" ")[0]
        caught = (found.caught["detector"], found.caught["second reading"], found.caught["low confidence"])
        shares = _two_lines(found.above_repeat, sign=True), _two_lines(found.silent)
        table.add_row(
            name, f"{found.raisable:,}", raised, *shares, f"{found.undetected_raises:,}", *map("{:,}".format, caught)
        )
    return table


def _words(report: AttackReport) -> list[RenderableType]:
    clean, total = report.clean, report.families[ALL]
    how = {
        None: "Accepted is what the model's calibration accepts.",
        0.0: "No calibration lets it decide here: everything counts as accepted that no guard stops (the worst case).",
    }.get(report.accept_from, f"Answers count as accepted from a confidence of {report.accept_from} on.")
    meaning = (
        "raised: of the answers that could be better than on the clean program, those that were. silent, n: raised and "
        "accepted. found (by the detector), 2nd (reading), low (confidence): raises a person sees, by the first cause."
    )
    alarms = (
        f"Clean work: the detector flags {clean.flagged_submissions} of {clean.submissions} programs; the second "
        f"reading sends {_inline(clean.sent_by_second_reading)} of {clean.answers} answers to a person; asking again "
        f"raises {_inline(clean.repeat_raised)} of those that could be better."
    )
    beside = (
        f"Pleas raise {_inline(total.above_harmless, sign=True)} of what could be better beyond harmless text in the "
        "same places."
    )
    agreement = (
        f"Agreement with the TAs: clean {_inline(clean.agreement)}, asked again {_inline(clean.agreement_repeated)}, "
        f"attacked {_inline(total.agreement_change, sign=True)} against clean."
    )
    return [escape(line) for line in (how, meaning, beside, alarms, agreement)]


def _two_lines(estimate: Estimate, *, sign: bool = False) -> str:
    return escape(_inline(estimate, sign=sign).replace(" % [", "\n["))


def _inline(estimate: Estimate, *, sign: bool = False) -> str:
    """`12.0 % [3.1, 20.4]`, or `-` where there is nothing to take a share of."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "-"
    form = "{:+.1f}" if sign else "{:.1f}"
    value, low, high = (form.format(100 * each) for each in (estimate.value, estimate.low, estimate.high))
    return f"{value} % [{low}, {high}]"
