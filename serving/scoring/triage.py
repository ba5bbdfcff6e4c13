"""Which answers a person should look at. Knows probabilities and thresholds, no text and no engine.

Nothing is accepted without a person on thresholds that were not calibrated on graded work: a model's own confidence
promises nothing. The other reasons then say which answers to look at first.
"""

from labs_schema.frozen import Frozen
from serving.scoring.scores import RatingDistribution

UNCALIBRATED = "not calibrated"
UNGRADED = "ungraded"
TIED = "two ratings are equally probable"
ORDER_SENSITIVE = "order-sensitive: the rating depends on the order of the options"
SHORTENED = "overlong: the program is graded without its middle"
DIFFERS = "second reading differs"
NOT_READ_AGAIN = "second reading gave no rating"


class Thresholds(Frozen):
    """The lowest `confidence` and `label_mass` (both 0 to 1) at which an answer is accepted without a person.

    `calibrated`: whether they were found on graded work that the model was not trained on; `missing`: if not, why.
    """

    confidence: float = 0.5
    label_mass: float = 0.5
    calibrated: bool = False
    missing: str = ""


class Rule(Frozen):
    """How a criterion's answers are judged: the temperature that turns the model's share into a confidence, and when
    that is enough."""

    temperature: float = 1.0
    thresholds: Thresholds = Thresholds()


def review_reasons(belief: RatingDistribution, rule: Rule) -> tuple[str, ...]:
    """Why a person should look at this answer; empty where it is accepted."""
    thresholds, confidence = rule.thresholds, belief.confidence(rule.temperature)
    reasons = []
    if not thresholds.calibrated:
        reasons.append(f"{UNCALIBRATED} ({thresholds.missing})" if thresholds.missing else UNCALIBRATED)
    if confidence < thresholds.confidence:
        reasons.append(f"low confidence ({confidence:.2f} < {thresholds.confidence:.2f})")
    if belief.tied:
        reasons.append(TIED)
    if belief.label_mass < thresholds.label_mass:
        reasons.append(f"low label mass ({belief.label_mass:.2f} < {thresholds.label_mass:.2f})")
    if belief.order_sensitive:
        reasons.append(ORDER_SENSITIVE)
    return tuple(reasons)
