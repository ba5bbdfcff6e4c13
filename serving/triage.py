"""Which answers a person should look at. Knows probabilities and thresholds, no text and no engine.

Nothing is accepted without a person on thresholds that were not calibrated on graded work: a model's own confidence
promises nothing. The other reasons then say which answers to look at first.
"""

from labs_schema.frozen import Frozen
from serving.scores import Belief

UNCALIBRATED = "not calibrated"


class Thresholds(Frozen):
    """The lowest `confidence` and `label_mass` (both 0 to 1) at which an answer is accepted without a person.

    `calibrated`: whether they were found on graded work that the model was not trained on.
    """

    confidence: float = 0.5
    label_mass: float = 0.5
    calibrated: bool = False


def review_reasons(belief: Belief, thresholds: Thresholds) -> tuple[str, ...]:
    """Why a person should look at this answer; empty where it is accepted."""
    reasons = [] if thresholds.calibrated else [UNCALIBRATED]
    if belief.confidence < thresholds.confidence:
        reasons.append(f"low confidence ({belief.confidence:.2f} < {thresholds.confidence:.2f})")
    if belief.tied:
        reasons.append("two ratings are equally probable")
    if belief.label_mass < thresholds.label_mass:
        reasons.append(f"low label mass ({belief.label_mass:.2f} < {thresholds.label_mass:.2f})")
    return tuple(reasons)
