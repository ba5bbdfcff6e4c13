"""Which answers a person should look at. Knows probabilities and thresholds, no text and no engine.

The thresholds promise nothing: they are not calibrated on graded work. A confidence of .5 only means that the model
found one rating more probable than all others together.
"""

from labs_schema.frozen import Frozen
from serving.scores import Belief


class Thresholds(Frozen):
    """The lowest `confidence` and `label_mass` (both 0 to 1) at which an answer is accepted without a person."""

    confidence: float = 0.5
    label_mass: float = 0.5


def review_reasons(belief: Belief, thresholds: Thresholds) -> tuple[str, ...]:
    """Why a person should look at this answer; empty where it is accepted."""
    reasons = []
    if belief.confidence < thresholds.confidence:
        reasons.append(f"low confidence ({belief.confidence:.2f} < {thresholds.confidence:.2f})")
    if belief.tied:
        reasons.append("two ratings are equally probable")
    if belief.label_mass < thresholds.label_mass:
        reasons.append(f"low label mass ({belief.label_mass:.2f} < {thresholds.label_mass:.2f})")
    return tuple(reasons)
