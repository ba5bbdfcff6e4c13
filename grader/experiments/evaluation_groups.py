"""From the graders' decisions on one kind of kept work to all of its figures. Knows no model and no file."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from grader.evaluation import COMMONEST, TUNED, WORDS, Group, Part
from labs_schema.models import Lab
from serving.measures.agreement import agreement, difference
from serving.measures.decisions import Decision
from serving.measures.order_effects import order_effects
from serving.measures.raters import InterAnnotatorAgreement, ceiling, units_of
from serving.measures.rating_parts import rating_parts
from serving.measures.resampling import LEAST_LABS
from serving.measures.trust import Trust, trust

Found = Mapping[str, Sequence[Decision]]
"""Grader -> its decisions, all on the same questions; TUNED, WORDS and COMMONEST are among them."""

PARTS: dict[str, Callable[[Decision], str]] = {
    "by_lab": lambda d: d.lab,
    "by_criterion": lambda d: d.criterion,
    "by_language": lambda d: d.language,
}


def measure_group(
    found: Found,
    labs: Mapping[str, Lab],
    calibrated_on: frozenset[str],
    *,
    resamples: int,
    tick: Callable[[], None] = lambda: None,
) -> Group:
    """Every figure of a group. `labs`: by name, at least those of the decisions. `calibrated_on`: the students whose
    grades the calibration of TUNED has seen, empty without one. `tick` is called `ticks(found)` times."""
    ours, others = found[TUNED], [name for name in found if name != TUNED]
    graders = {}
    for name, each in found.items():
        graders[name] = agreement(each, resamples=resamples)
        tick()
    differences = {name: difference(ours, found[name], resamples=resamples) for name in others}
    tick()
    over_labs = {}
    if graders[TUNED].labs >= LEAST_LABS:
        over_labs = {name: difference(ours, found[name], over="labs", resamples=resamples) for name in others}
    tick()
    return Group(
        labs=tuple(sorted({d.lab for d in ours})),
        graders=graders,
        differences=differences,
        differences_over_labs=over_labs,
        **{name: _parts(found, key, resamples, tick) for name, key in PARTS.items()},
        by_rating=rating_parts(ours, _titles(labs), resamples=resamples),
        trust=_trust(found, calibrated_on),
        ceiling=_ceiling(ours, labs, resamples),
        order=order_effects(ours),
    )


def ticks(found: Found) -> int:
    """How many steps `measure_group` reports."""
    return len(found) + 2 + sum(len(set(map(key, found[TUNED]))) for key in PARTS.values())


def _parts(found: Found, key: Callable[[Decision], str], resamples: int, tick: Callable[[], None]) -> dict[str, Part]:
    parts = {}
    for name in dict.fromkeys(map(key, found[TUNED])):
        part = {grader: [d for d in found[grader] if key(d) == name] for grader in (TUNED, COMMONEST, WORDS)}
        apart = {g: difference(part[TUNED], part[g], resamples=resamples)["agreement"] for g in (COMMONEST, WORDS)}
        figures = agreement(part[TUNED], resamples=resamples)
        parts[name] = Part(grader=figures, over_commonest=apart[COMMONEST], over_words=apart[WORDS])
        tick()
    return parts


def _titles(labs: Mapping[str, Lab]) -> dict[tuple[str, str], list[str]]:
    return {(lab.name, c.title): [r.title for r in c.ratings] for lab in labs.values() for c in lab.criteria}


def _trust(found: Found, calibrated_on: frozenset[str]) -> dict[str, Trust]:
    """Of the same students for all graders, so that they can be read beside each other."""
    measured = {}
    for name, each in found.items():
        unseen = [d for d in each if d.student not in calibrated_on]
        if (figures := trust(unseen, calibrated=name == TUNED and bool(calibrated_on))) is not None:
            measured[name] = figures
    return measured


def _ceiling(ours: Sequence[Decision], labs: Mapping[str, Lab], resamples: int) -> InterAnnotatorAgreement | None:
    students = {name: dict.fromkeys(d.student for d in ours if d.lab == name) for name in labs}
    return ceiling([*chain(*(units_of(labs[name], students[name]) for name in labs))], ours, resamples=resamples)
