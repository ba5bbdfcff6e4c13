"""Computes all figures of one group of held-out submissions from the graders' decisions."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from grader.evaluation import BAG_OF_WORDS, MAJORITY, TUNED, Group, Slice
from labs_schema.grouping import grouped_by
from labs_schema.models import Lab
from serving.measures.agreement import Agreement, agreement, difference, figures_by_rating
from serving.measures.decisions import Decision
from serving.measures.inter_annotator import InterAnnotatorAgreement, inter_annotator_agreement, units_of
from serving.measures.order_effects import order_effects
from serving.measures.reliability import ConfidenceFigures, confidence_figures
from serving.measures.resampling import MIN_LABS

GraderDecisions = Mapping[str, Sequence[Decision]]
"""Grader -> its decisions, all on the same questions. Must include TUNED, BAG_OF_WORDS and MAJORITY."""

SLICES: dict[str, Callable[[Decision], str]] = {
    "by_lab": lambda d: d.lab,
    "by_criterion": lambda d: d.criterion,
    "by_language": lambda d: d.language,
}


def group_figures(
    decisions: GraderDecisions,
    labs: Mapping[str, Lab],
    calibrated_on: frozenset[str],
    *,
    resamples: int,
    tick: Callable[[], None] = lambda: None,
) -> Group:
    """All figures of a group.

    `labs`: by name, at least those of the decisions. `calibrated_on`: students whose ratings the calibration of TUNED
    was fitted on, empty without a calibration. `tick` is called `steps(decisions)` times.
    """
    ours, others = decisions[TUNED], [name for name in decisions if name != TUNED]
    graders = {}
    for name, each in decisions.items():
        graders[name] = agreement(each, resamples=resamples)
        tick()
    differences = {name: difference(ours, decisions[name], resamples=resamples) for name in others}
    tick()
    over_labs = {}
    if graders[TUNED].labs >= MIN_LABS:
        over_labs = {name: difference(ours, decisions[name], over="labs", resamples=resamples) for name in others}
    tick()
    return Group(
        labs=tuple(sorted({d.lab for d in ours})),
        graders=graders,
        differences=differences,
        differences_over_labs=over_labs,
        **{name: _slices(decisions, key, resamples, tick) for name, key in SLICES.items()},
        by_rating=figures_by_rating(ours, _rating_titles(labs), resamples=resamples),
        confidence=_confidence(decisions, calibrated_on),
        inter_annotator=_inter_annotator(ours, labs, resamples),
        order=order_effects(ours),
        decided=_decided(ours, resamples),
        unreadable=sum(map(rated_without_program, labs.values())),
    )


def _decided(ours: Sequence[Decision], resamples: int) -> dict[str, Agreement]:
    found = grouped_by((d for d in ours if d.decided), lambda d: d.criterion)
    return {criterion: agreement(each, resamples=resamples) for criterion, each in found.items()}


def rated_without_program(lab: Lab) -> int:
    """The number of rated students without a readable program; a rating of a group counts for each member."""
    rated = {each.folder for each in lab.unreadable if each.student in lab.ratings_by_student}
    return sum(each.folder in rated for each in lab.unreadable)


def steps(decisions: GraderDecisions) -> int:
    """Number of calls to `tick`."""
    return len(decisions) + 2 + sum(len(set(map(key, decisions[TUNED]))) for key in SLICES.values())


def _slices(
    decisions: GraderDecisions, key: Callable[[Decision], str], resamples: int, tick: Callable[[], None]
) -> dict[str, Slice]:
    slices = {}
    for name in dict.fromkeys(map(key, decisions[TUNED])):
        part = {g: [d for d in decisions[g] if key(d) == name] for g in (TUNED, MAJORITY, BAG_OF_WORDS)}
        over = {g: difference(part[TUNED], part[g], resamples=resamples)["agreement"] for g in (MAJORITY, BAG_OF_WORDS)}
        slices[name] = Slice(
            grader=agreement(part[TUNED], resamples=resamples),
            over_majority=over[MAJORITY],
            over_bag_of_words=over[BAG_OF_WORDS],
        )
        tick()
    return slices


def _rating_titles(labs: Mapping[str, Lab]) -> dict[tuple[str, str], list[str]]:
    return {(lab.name, c.title): [r.title for r in c.ratings] for lab in labs.values() for c in lab.criteria}


def _confidence(decisions: GraderDecisions, calibrated_on: frozenset[str]) -> dict[str, ConfidenceFigures]:
    """All graders are measured on the same students, those without a part in the calibration."""
    found = {}
    for name, each in decisions.items():
        unseen = [d for d in each if d.student not in calibrated_on]
        if (figures := confidence_figures(unseen, calibrated=name == TUNED and bool(calibrated_on))) is not None:
            found[name] = figures
    return found


def _inter_annotator(
    ours: Sequence[Decision], labs: Mapping[str, Lab], resamples: int
) -> InterAnnotatorAgreement | None:
    students = {name: dict.fromkeys(d.student for d in ours if d.lab == name) for name in labs}
    units = [*chain(*(units_of(labs[name], students[name]) for name in labs))]
    return inter_annotator_agreement(units, ours, resamples=resamples)
