"""Builds `Decision` records for tests."""

from typing import Any

from serving.measures.decisions import Decision


def decision(student: str = "s1", human: int = 0, grader: int | None = 0, **fields: Any) -> Decision:
    """A decision with defaults for every field that a test does not name."""
    defaults = {"lab": "lab", "language": "C", "criterion": "c", "ratings": 3}
    return Decision(student=student, human=human, grader=grader, **(defaults | fields))
