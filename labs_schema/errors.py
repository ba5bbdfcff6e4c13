"""What can be wrong with what a user gave, and how it is told: file, line, found, expected, how to mend it."""

from collections.abc import Sequence
from enum import StrEnum

from labs_schema.frozen import Frozen


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Fault(Frozen):
    """One thing that is wrong, in words that let its owner mend it.

    `code` is a stable kebab-case name. `path` is relative to what was read (a lab's parent folder, a dataset file).
    `line` counts from 1. Never holds a student's text beyond a short, escaped excerpt.
    """

    code: str
    severity: Severity
    path: str
    found: str
    expected: str
    hint: str
    line: int | None = None

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{self.severity} {self.code} {where}: found {self.found}; expected {self.expected}. {self.hint}"


class GraderError(Exception):
    """The base of every error that a user can mend. Its text is shown without a traceback."""


class FaultsError(GraderError):
    """Input that cannot be used. `faults` holds every fault found, not only the first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


class OverlongError(GraderError):
    """A prompt that does not fit the model's context, `needed` tokens where `available` fit."""

    def __init__(self, what: str, needed: int, available: int) -> None:
        self.needed, self.available = needed, available
        super().__init__(
            f"{what}: the prompt needs {needed} tokens and the model's context leaves room for {available}. "
            "Use a model with a longer context, or choose --on-overlong skip or --on-overlong middle."
        )


class ModelError(GraderError):
    """A model, adapter or tokenizer that cannot be used: missing, foreign, or not the one a manifest names."""
