"""From graded work with the TAs' ratings to temperatures and a threshold, or the reason why there is none. Pure."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from labs_schema.frozen import Frozen
from serving.calibration.calibration import Guarantee
from serving.calibration.risk_control import (
    Step,
    correlation_of,
    fixed_sequence,
    lowest_threshold,
    students_needed,
)
from serving.calibration.temperatures import Temperatures, fit_temperatures
from serving.measures.decisions import Decision

FOLDS = 5


class Fitted(Frozen):
    """`decisions`: those given, each with a confidence from temperatures that its student had no part in. Either
    `guarantee` or `refused`, the reason why there is none, is set."""

    temperatures: Temperatures
    decisions: tuple[Decision, ...]
    guarantee: Guarantee | None
    refused: str = ""


def fit(decisions: Sequence[Decision], *, max_error: float, confidence: float) -> Fitted:
    """`decisions` were graded with thresholds of 0, so that their reasons are those which no calibration changes.

    The threshold is tested on cross-fitted confidences: fitting the temperatures and testing on the same students
    would flatter both. Those that are kept are fitted on all students.
    """
    sure = cross_fitted(decisions)
    rated = [d for d in sure if d.grader is not None]
    temperatures = fit_temperatures(rated)
    found = threshold(sure, max_error=max_error, confidence=confidence)
    if isinstance(found, str):
        return Fitted(temperatures=temperatures, decisions=tuple(sure), guarantee=None, refused=found)
    return Fitted(temperatures=temperatures, decisions=tuple(sure), guarantee=found)


def cross_fitted(decisions: Sequence[Decision]) -> list[Decision]:
    """`decisions` with the confidence that temperatures fitted without their student give."""
    number = {student: i for i, student in enumerate(dict.fromkeys(d.student for d in decisions))}
    folds = min(FOLDS, len(number))
    rated = [d for d in decisions if d.grader is not None]
    fits = [fit_temperatures([d for d in rated if number[d.student] % folds != fold]) for fold in range(folds)]
    return [
        d if d.grader is None else d.model_copy(update={"confidence": fits[number[d.student] % folds].confidence(d)})
        for d in decisions
    ]


def threshold(decisions: Sequence[Decision], *, max_error: float, confidence: float) -> Guarantee | str:
    """The guarantee that `decisions` support, or why they support none."""
    rated = [d for d in decisions if d.grader is not None and d.confidence is not None]
    open_ = [d for d in rated if not d.reasons]
    number = {student: i for i, student in enumerate(dict.fromkeys(d.student for d in rated))}
    if len({d.student for d in open_}) < 2:
        return _nothing_open(decisions)
    correlation = correlation_of(_wrong(rated), np.array([number[d.student] for d in rated]))
    tests = fixed_sequence(
        np.array([d.confidence for d in open_]),
        _wrong(open_),
        np.array([number[d.student] for d in open_]),
        confidence=confidence,
        correlation=correlation,
    )
    best = lowest_threshold(tests, max_error)
    if best is None:
        return _refusal(tests[0], len(number), max_error, confidence, correlation)
    return Guarantee(
        max_error=max_error,
        confidence=confidence,
        threshold=best.threshold,
        accepted=best.accepted / len(decisions),
        disagreed=best.disagreed,
        bound=best.bound,
    )


def _nothing_open(decisions: Sequence[Decision]) -> str:
    open_, students = sum(not d.reasons for d in decisions), len({d.student for d in decisions})
    kinds = Counter(kind for d in decisions for kind in {reason.split(" (")[0].split(":")[0] for reason in d.reasons})
    why = ", ".join(f"{kind}: {count}" for kind, count in kinds.most_common())
    return (
        f"{open_} of {len(decisions)} decisions of {students} students could be accepted at all"
        f"{f', because of {why}' if why else ''}; those of at least 2 students are needed"
    )


def _refusal(first: Step, students: int, max_error: float, confidence: float, correlation: float) -> str:
    said = (
        f"of the surest {first.accepted} decisions of {students} students {first.disagreed:.1%} disagree with the TA, "
        f"which at {confidence:.0%} confidence allows no promise below {first.bound:.1%}; asked for {max_error:.1%}"
    )
    needed = students_needed(first, students, max_error, confidence, correlation)
    if needed is None:
        return f"{said}. If it went on like this, no number of students would do"
    return f"{said}. If it went on like this, about {needed} students would do"


def _wrong(decisions: Sequence[Decision]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([d.grader != d.human for d in decisions], float)
