"""Agreement of people and model on a lab, with and without the model's rating in view, and time per decision."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import numpy as np

from labs_schema.frozen import Frozen
from labs_schema.limits import PageLimits
from serving.measures.resampling import Estimate, cluster_weights, estimate, weighted_mean
from serving.review.index import LabReview
from serving.review.steps import BULK
from serving.store.grades.overrides import Action, StoredOverride

RESAMPLES = 1000


class FirstDecision(NamedTuple):
    """The first current decision on a criterion: then `record.old` is the model's rating."""

    student: str
    criterion: str
    record: StoredOverride

    @property
    def agrees(self) -> bool:
        return self.record.old == self.record.new


class Agreement(Frozen):
    """`share`: decisions equal to the model's rating, with a 95 % bootstrap interval over students. `majority`: the
    share of the majority class of the criterion among the other decisions."""

    decisions: int
    students: int
    share: Estimate
    majority: float | None


class Statistics(Frozen):
    """`blind`: decisions without the model's rating in view, which alone measure agreement. `seen`: the others.
    `gap`: agreement of `seen` minus that of `blind`. Seconds are medians, None without a timed decision."""

    blind: Agreement
    seen: Agreement
    gap: Estimate
    seconds_blind: float | None
    seconds_seen: float | None
    timed: int
    undone: int


def statistics(review: LabReview) -> Statistics:
    first = [each for each in _first_decisions(review) if each.record.action in (Action.RATE, Action.ACCEPT)]
    rated = [each for each in first if each.record.old is not None and each.record.shown_at is not None]
    blind = [each for each in rated if each.record.blind]
    seen = [each for each in rated if not each.record.blind and not _in_bulk(each.record)]
    records = [each for works in review.records.values() for each in works]
    seconds = _seconds(records)
    return Statistics(
        blind=_agreement(blind),
        seen=_agreement(seen),
        gap=_gap(blind, seen),
        seconds_blind=_median(seconds[each.id] for each in records if each.blind and each.id in seconds),
        seconds_seen=_median(seconds[each.id] for each in records if not each.blind and each.id in seconds),
        timed=len(seconds),
        undone=sum(each.action is Action.UNDO for each in records),
    )


def blind_agreement(review: LabReview) -> tuple[int, int]:
    """The number of blind decisions that equal the model's rating, and the number of all."""
    found = [each for each in _first_decisions(review) if each.record.blind and each.record.old is not None]
    return sum(each.agrees for each in found), len(found)


def _first_decisions(review: LabReview) -> list[FirstDecision]:
    """One for all members of a group, who have the same decision."""
    found: dict[tuple[str, str], FirstDecision] = {}
    for item in review.items.values():
        for each in item.criteria if item.active else ():
            deciding = [r for r in each.decision.active if r.action is not Action.COMMENT]
            if deciding:
                key = (deciding[0].request if deciding[0].shown_at else deciding[0].id), each.title
                found.setdefault(key, FirstDecision(item.student, each.title, deciding[0]))
    return list(found.values())


def _in_bulk(record: StoredOverride) -> bool:
    """Accepted with many others in one step: no one looked at it alone."""
    return record.request.startswith(BULK)


def _agreement(decided: Sequence[FirstDecision]) -> Agreement:
    if not decided:
        return Agreement(decisions=0, students=0, share=Estimate(value=None, low=None, high=None), majority=None)
    weights = cluster_weights([each.student for each in decided], RESAMPLES, 0)
    return Agreement(
        decisions=len(decided),
        students=len({each.student for each in decided}),
        share=estimate(weighted_mean(weights, np.array([float(each.agrees) for each in decided]))),
        majority=_majority(decided),
    )


def _gap(blind: Sequence[FirstDecision], seen: Sequence[FirstDecision]) -> Estimate:
    if not blind or not seen:
        return Estimate(value=None, low=None, high=None)
    every = [*seen, *blind]
    weights = cluster_weights([each.student for each in every], RESAMPLES, 0)
    agrees = np.array([float(each.agrees) for each in every])
    of_seen = np.arange(len(every)) < len(seen)
    with_rating = weighted_mean(weights, np.where(of_seen, agrees, np.nan))
    return estimate(with_rating - weighted_mean(weights, np.where(of_seen, np.nan, agrees)))


def _majority(decided: Sequence[FirstDecision]) -> float:
    others = others_majority([(each.criterion, each.record.new) for each in decided])
    return sum(major == each.record.new for each, major in zip(decided, others, strict=True)) / len(decided)


def others_majority(given: Sequence[tuple[str, str | None]]) -> list[str | None]:
    """The most frequent rating of each one's criterion among the others, None without others: a rare rating does not
    vote for itself. `given`: criterion and rating."""
    counts: dict[str, Counter[str | None]] = {}
    for criterion, rating in given:
        counts.setdefault(criterion, Counter())[rating] += 1
    left = (counts[criterion] - Counter([rating]) for criterion, rating in given)
    return [max(each, key=each.__getitem__, default=None) for each in left]


def _seconds(records: Iterable[StoredOverride]) -> dict[str, float]:
    """Record id -> seconds from when the page was shown, or from the person's previous decision if that was later.

    Pauses longer than `PageLimits.pause_seconds` are left out.
    """
    by_actor: dict[str, list[StoredOverride]] = {}
    for each in records:
        if each.shown_at and each.action in (Action.RATE, Action.ACCEPT) and not _in_bulk(each):
            by_actor.setdefault(each.actor, []).append(each)
    found = {}
    for mine in by_actor.values():
        ordered = sorted(mine, key=lambda each: each.seq)
        starts = [
            ordered[0].shown_at or "",
            *(max(before.at, each.shown_at or "") for before, each in pairwise(ordered)),
        ]
        for start, each in zip(starts, ordered, strict=True):
            seconds = (datetime.fromisoformat(each.at) - datetime.fromisoformat(start)).total_seconds()
            if 0 < seconds <= PageLimits().pause_seconds:
                found[each.id] = seconds
    return found


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return median(found) if found else None
