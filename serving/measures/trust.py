"""What a grader's confidence is worth: does it mean what it says, and what is accepted on it? Pure; knows no model."""

from collections.abc import Sequence

from labs_schema.frozen import Frozen
from serving.measures.decisions import Decision
from serving.measures.reliability import (
    Reliability,
    RiskCoverage,
    confidences_and_hits,
    reliability,
    risk_coverage,
)


class Trust(Frozen):
    """Figures of `decisions` decisions, of students that no calibration saw.

    `before`: of the grader's own probabilities; `after`: of the calibrated confidence, None without a calibration.
    `accepted`: the share that needs no person; `accepted_disagreement`: in how many of those the TA gave another
    rating, None where none is accepted. `curve` is that of the best confidence there is.
    """

    decisions: int
    before: Reliability
    after: Reliability | None
    accepted: float
    accepted_disagreement: float | None
    curve: RiskCoverage


def trust(decisions: Sequence[Decision], *, calibrated: bool) -> Trust | None:
    """None where no decision has probabilities. `calibrated`: whether the confidences were."""
    raw = reliability(d.model_copy(update={"confidence": max(d.probabilities)}) for d in decisions if d.probabilities)
    if raw is None:
        return None
    accepted = [d for d in decisions if d.grader is not None and not d.reasons]
    wrong = sum(d.human != d.grader for d in accepted)
    return Trust(
        decisions=len(decisions),
        before=raw,
        after=reliability(decisions) if calibrated else None,
        accepted=len(accepted) / len(decisions),
        accepted_disagreement=wrong / len(accepted) if accepted else None,
        curve=risk_coverage(*confidences_and_hits(decisions)),
    )
