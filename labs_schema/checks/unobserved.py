"""Marks the submissions whose checks were not run, so that their grades say so and go to human review."""

from collections.abc import Iterable
from pathlib import Path

from labs_schema.checks.reading import has_checks
from labs_schema.models import Submission

NOT_RUN = "the lab has checks that were not run on this program"


def mark_unobserved(submissions: Iterable[Submission], lab_folder: Path) -> tuple[Submission, ...]:
    """`submissions` of a lab; in a lab with checks, those without observations have the reason why."""
    reason = NOT_RUN if has_checks(lab_folder) else ""
    return tuple(each if each.observations else each.model_copy(update={"unobserved": reason}) for each in submissions)
