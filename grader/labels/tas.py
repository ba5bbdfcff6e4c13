"""How each TA rates beside what is expected and beside the other TAs, and which of them stand out. Knows no files."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from grader.labels.habits import Rated, always, explanation
from grader.labels.out_of_fold import Decided, Shares
from grader.labels.ta_tests import TaTests, Work, holm, ta_tests
from labs_schema.frozen import Frozen
from labs_schema.models import Lab

ALARM = 0.01
"""A corrected p-value below it is an alarm: of a hundred courses whose TAs rate alike, one at most has one."""


class Ta(Frozen):
    """`agreement`: the share of the `decisions` where the TA gave the rating expected most; `others_agreement`: the
    same of all other TAs. `common`: how many ratings other TAs gave of the same, `with_others`: the share of equal
    ones. `shift`: marks a criterion above (+) what is expected, beside the other TAs, None without marks.

    The p-values are of `ta_tests`, corrected for all TAs and tests by Holm. `alarms`: in words; empty for most TAs.
    """

    rater: str
    decisions: int
    agreement: float
    others_agreement: float | None
    common: int
    with_others: float | None
    shift: float | None
    p_unlikely: float
    p_monotone: float
    p_apart: float
    alarms: tuple[str, ...] = ()


def tas(labs: Sequence[Lab], shares: Shares, given: Mapping[str, Mapping[Decided, str]]) -> tuple[Ta, ...]:
    """A line for each TA of `given` (rater -> decision -> rating), those with alarms first, then by name."""
    criteria = {(lab.name, criterion.title): criterion for lab in labs for criterion in lab.criteria}
    rated = {
        rater: [
            Rated(decided, criteria[decided[0], decided[2]], rating, shares[decided])
            for decided, rating in ratings.items()
            if decided in shares
        ]
        for rater, ratings in given.items()
    }
    rated = {rater: each for rater, each in rated.items() if each}
    if not rated:
        return ()
    lines = []
    for rater, found in _judged(rated).items():
        mine = rated[rater]
        theirs = [each for other, ratings in rated.items() if other != rater for each in ratings]
        line = Ta(
            rater=rater,
            decisions=len(mine),
            agreement=float(np.mean([each.agrees for each in mine])),
            others_agreement=float(np.mean([each.agrees for each in theirs])) if theirs else None,
            **_with_others(rater, given),
            shift=found.shift if any(each.marks is not None for each in mine) else None,
            p_unlikely=found.unlikely,
            p_monotone=found.monotone,
            p_apart=found.apart,
        )
        lines.append(line.model_copy(update={"alarms": _alarms(line, mine)}))
    return tuple(sorted(lines, key=lambda line: (not line.alarms, line.rater)))


class _Judged(NamedTuple):
    """A TA's p-values, corrected, and the shift in marks."""

    unlikely: float
    monotone: float
    apart: float
    shift: float


def _judged(rated: Mapping[str, Sequence[Rated]]) -> dict[str, _Judged]:
    """Each TA beside those who rate alike: one who stands out is set aside, the strongest first, and the others are
    judged anew. Otherwise one TA's odd ratings would make another look odd."""
    judged: dict[str, _Judged] = {}
    left = dict(rated)
    while left:
        tests = _tests(left)
        corrected = holm(np.array([tests.unlikely, tests.monotone, tests.apart]))
        found = {
            rater: _Judged(float(unlikely), float(monotone), float(apart), float(shift))
            for rater, unlikely, monotone, apart, shift in zip(left, *corrected, tests.shift, strict=True)
        }
        strength = {rater: tests.strength[number] for number, rater in enumerate(left) if min(found[rater][:3]) < ALARM}
        out = [max(strength, key=lambda rater: strength[rater])] if strength else [*left]
        for rater in out:
            judged[rater] = found[rater]
            del left[rater]
    return {rater: judged[rater] for rater in rated}


def _tests(rated: Mapping[str, Sequence[Rated]]) -> TaTests:
    """The permutation tests over whole works: residuals from each criterion's mean, and which ratings were given."""
    everything = [each for ratings in rated.values() for each in ratings]
    likely, marks = defaultdict(list), defaultdict(list)
    for each in everything:
        likely[_part(each)].append(each.likely)
        marks[_part(each)].append(each.marks or 0.0)
    usual_likely = {part: float(np.mean(each)) for part, each in likely.items()}
    usual_marks = {part: float(np.mean(each)) for part, each in marks.items()}
    cells = {cell: number for number, cell in enumerate(sorted({(*_part(each), each.given) for each in everything}))}
    parts = {part: number for number, part in enumerate(sorted(likely))}
    labs = {lab: number for number, lab in enumerate(sorted({part[0] for part in parts}))}
    works: list[Work] = []
    for ta, ratings in enumerate(rated.values()):
        by_work: dict[tuple[str, str], list[Rated]] = {}
        for each in ratings:
            by_work.setdefault(each.decided[:2], []).append(each)
        for (lab, _), group in by_work.items():
            works.append(
                Work(
                    labs[lab],
                    ta,
                    len(group),
                    sum(each.likely - usual_likely[_part(each)] for each in group),
                    sum((each.marks or 0.0) - usual_marks[_part(each)] for each in group),
                    tuple(cells[*_part(each), each.given] for each in group),
                )
            )
    return ta_tests(works, len(rated), [parts[cell[:2]] for cell in cells])


def _part(rated: Rated) -> tuple[str, str]:
    return rated.decided[0], rated.decided[2]


def _with_others(rater: str, given: Mapping[str, Mapping[Decided, str]]) -> dict[str, float | int | None]:
    mine = given[rater]
    equal = [
        mine[decided] == rating
        for other, ratings in given.items()
        if other != rater
        for decided, rating in ratings.items()
        if decided in mine
    ]
    return {"common": len(equal), "with_others": float(np.mean(equal)) if equal else None}


def _alarms(line: Ta, mine: Sequence[Rated]) -> tuple[str, ...]:
    """What stands out, in words."""
    constant = always(mine) if min(line.p_unlikely, line.p_monotone) < ALARM else []
    inverts = line.p_unlikely < ALARM and explanation(mine) == "inverted"
    found = ["inverts ratings"] * (inverts and not constant) + constant
    if line.p_unlikely < ALARM and not found:
        found.append("rates unlike the others")
    if line.p_apart < ALARM and line.shift and not inverts:
        found.append(f"{'more lenient' if line.shift > 0 else 'stricter'} by {abs(line.shift):.2f} marks a criterion")
    if line.p_monotone < ALARM and not found:
        found.append("gives the same ratings more often than others")
    return tuple(found)
