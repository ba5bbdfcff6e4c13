"""Text in a program that addresses whoever grades it. Knows no engine and no grade."""

from labs_schema.models import Submission
from serving.suspicion.finding import Suspicion


def suspicions(submission: Submission, language: str) -> tuple[Suspicion, ...]:
    """Every place of `submission` that may talk to a grader, in the order of its files and lines. Never raises."""
    return ()
