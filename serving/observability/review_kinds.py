"""Why an answer goes to a person, as one of a few kinds. A reason's text has numbers and file names in it; a kind has
neither, so that it may be a metric's label."""

from serving.scoring.triage import (
    DIFFERS,
    NOT_READ_AGAIN,
    ORDER_SENSITIVE,
    SHORTENED,
    TIED,
    UNCALIBRATED,
    UNGRADED,
)

KINDS = {
    UNGRADED: "ungraded",
    UNCALIBRATED: "not calibrated",
    "low confidence": "low confidence",
    "low label mass": "low label mass",
    TIED: "tied",
    ORDER_SENSITIVE: "order-sensitive",
    SHORTENED: "shortened",
    "suspicious text": "suspicious text",
    DIFFERS: "second reading differs",
    NOT_READ_AGAIN: "second reading differs",
}
"""How a reason begins -> its kind."""
OTHER = "other"


def review_kind(reason: str) -> str:
    return next((kind for start, kind in KINDS.items() if reason.startswith(start)), OTHER)
