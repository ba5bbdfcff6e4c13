"""What a grader's confidence is worth, by hand."""

import pytest

from serving.measures.decisions import Decision
from serving.measures.trust import trust


def decision(right: bool, share: float, confidence: float, *reasons: str) -> Decision:
    return Decision(
        lab="lab",
        language="C",
        student="s1",
        criterion="c",
        ratings=2,
        human=0,
        grader=0 if right else 1,
        probabilities=(share, 1 - share) if right else (1 - share, share),
        confidence=confidence,
        reasons=reasons,
    )


def test_before_is_of_the_models_own_shares_and_after_of_the_calibrated_confidence() -> None:
    """Half are right. The model says 1, which is half off; calibrated it says .5, which is what is true."""
    decisions = [decision(True, 1.0, 0.5), decision(False, 1.0, 0.5)]
    found = trust(decisions, calibrated=True)
    assert found is not None and found.after is not None
    assert (found.before.ece, found.before.brier) == pytest.approx((0.5, 0.5))
    assert (found.after.ece, found.after.brier) == pytest.approx((0.0, 0.25))
    uncalibrated = trust(decisions, calibrated=False)
    assert uncalibrated is not None and uncalibrated.after is None


def test_accepted_is_what_nobody_need_look_at() -> None:
    """One right and one wrong are accepted, one right is not, and one is ungraded: half, of which half are wrong."""
    ungraded = Decision(
        lab="lab", language="C", student="s1", criterion="c", ratings=2, human=0, grader=None, reasons=("ungraded",)
    )
    decisions = [decision(True, 0.9, 0.9), decision(False, 0.9, 0.9), decision(True, 0.6, 0.6, "low"), ungraded]
    found = trust(decisions, calibrated=True)
    assert found is not None
    assert (found.decisions, found.accepted, found.accepted_disagreement) == (4, 0.5, 0.5)
    assert found.before.decisions == 3
    nothing = trust([decision(True, 0.9, 0.9, "not calibrated")], calibrated=False)
    assert nothing is not None and (nothing.accepted, nothing.accepted_disagreement) == (0, None)


def test_a_grader_without_probabilities_cannot_be_trusted_or_not() -> None:
    constant = Decision(lab="lab", language="C", student="s1", criterion="c", ratings=2, human=0, grader=0)
    assert trust([constant], calibrated=False) is None
    assert trust([], calibrated=False) is None
