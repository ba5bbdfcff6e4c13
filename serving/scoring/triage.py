"""Decides which answers need human review, and why.

A model's own confidence guarantees nothing: nothing is accepted unless the thresholds were calibrated on graded
submissions. The other reasons then show a TA which answers to check first.
"""

from enum import StrEnum

from labs_schema.frozen import Frozen
from serving.scoring.rating_distribution import RatingDistribution


class ReviewCode(StrEnum):
    """Stable codes of the reasons for review. A reason is `code: explanation`; only the explanation may change."""

    UNGRADED = "ungraded"
    NOT_CALIBRATED = "not-calibrated"
    LOW_CONFIDENCE = "low-confidence"
    LOW_LABEL_MASS = "low-label-mass"
    TIED = "tied"
    ORDER_SENSITIVE = "order-sensitive"
    TRUNCATED = "truncated"
    NOT_DECIDED = "not-decided"
    NOT_OBSERVED = "not-observed"
    NOT_ISOLATED = "not-isolated"
    UNREAD_FILES = "unread-files"
    SUSPICIOUS_TEXT = "suspicious-text"
    VERIFICATION_DIFFERS = "verification-differs"
    VERIFICATION_FAILED = "verification-failed"

    def reason(self, explanation: str) -> str:
        """The reason for review with this code."""
        return f"{self}: {explanation}"


def review_code(reason: str) -> ReviewCode | None:
    """The code of a reason for review; None if it has none of ours."""
    return {code.value: code for code in ReviewCode}.get(reason.partition(":")[0])


class Thresholds(Frozen):
    """The lowest `confidence` and `label_mass` (both 0 to 1) at which an answer is accepted without review.

    `calibrated`: whether they were fitted on graded submissions outside the training data; `missing`: why not.
    """

    confidence: float = 0.5
    label_mass: float = 0.5
    calibrated: bool = False
    missing: str = ""


class AcceptanceRule(Frozen):
    """When a criterion's answers are accepted: the temperature that turns the top rating's share into a confidence,
    and the thresholds that it must reach."""

    temperature: float = 1.0
    thresholds: Thresholds = Thresholds()


def review_reasons(distribution: RatingDistribution, rule: AcceptanceRule) -> tuple[str, ...]:
    """All reasons why an answer needs review; empty if it is accepted."""
    thresholds, confidence, mass = rule.thresholds, distribution.confidence(rule.temperature), distribution.label_mass
    reasons = []
    if not thresholds.calibrated:
        reasons.append(ReviewCode.NOT_CALIBRATED.reason(thresholds.missing or "the model has no calibration"))
    if confidence < thresholds.confidence:
        reasons.append(ReviewCode.LOW_CONFIDENCE.reason(f"{confidence:.2f} < {thresholds.confidence:.2f}"))
    if distribution.tied:
        reasons.append(ReviewCode.TIED.reason("two ratings are equally probable"))
    if mass < thresholds.label_mass:
        explanation = f"only {mass:.2f} of the probability is on the options (< {thresholds.label_mass:.2f})"
        reasons.append(ReviewCode.LOW_LABEL_MASS.reason(explanation))
    if distribution.order_sensitive:
        reasons.append(ReviewCode.ORDER_SENSITIVE.reason("the rating depends on the order of the options"))
    return tuple(reasons)
