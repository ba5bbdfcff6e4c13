"""Phrases and figures that all formats of a feedback document share."""

from serving.feedback.feedback import Feedback, FeedbackCriterion

NOT_GRADED = "not graded yet"
PROVISIONAL = "Some ratings are provisional: a person will review them."


def marks(criterion: FeedbackCriterion) -> str:
    """`1 / 2`; empty without marks."""
    if criterion.max_marks is None:
        return ""
    return f"{'?' if criterion.marks is None else f'{criterion.marks:g}'} / {criterion.max_marks:g}"


def total(feedback: Feedback) -> str:
    """`5 / 12`; empty if a criterion is ungraded or the rubric has no marks."""
    if feedback.total is None or feedback.max_marks is None:
        return ""
    return f"{feedback.total:g} / {feedback.max_marks:g}"


def percent(share: float) -> str:
    return f"{share:.0%}"
