"""What can be wrong with what a user gave, and how it is told: file, line, found, expected, how to mend it."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from labs_schema.frozen import Frozen


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Issue(Frozen):
    """One thing that is wrong, in words that let its owner mend it.

    `code` is a stable kebab-case name. `path` is relative to what was read (a lab's parent folder, a dataset file).
    `line` counts from 1. Never holds a student's text beyond a short, escaped quoted.
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


class InputError(GraderError):
    """Input that cannot be used. `issues` holds every issue found, not only the first."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(issues)
        super().__init__("\n".join(map(str, self.issues)))


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


KEPT_OF_ONE_CODE = 100


class IssueCollector:
    """Issues in the order found. Of one code the first 100 are kept and the rest counted, so memory stays bounded.

    `root` (a lab's folder name) is put before every path.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._kept: list[Issue] = []
        self._seen: Counter[tuple[str, Severity]] = Counter()

    def error(self, code: str, path: str, *, found: str, expected: str, hint: str, line: int | None = None) -> None:
        """Something that stops the lab from being used."""
        self._add(Severity.ERROR, code, path, found, expected, hint, line)

    def warning(self, code: str, path: str, *, found: str, expected: str, hint: str, line: int | None = None) -> None:
        """Something its owner should know, the lab can be used as stated in `mend`."""
        self._add(Severity.WARNING, code, path, found, expected, hint, line)

    def _add(
        self, severity: Severity, code: str, path: str, found: str, expected: str, hint: str, line: int | None
    ) -> None:
        self._seen[code, severity] += 1
        if self._seen[code, severity] <= KEPT_OF_ONE_CODE:
            where = f"{self._root}/{path}" if path else self._root
            self._kept.append(
                Issue(code=code, severity=severity, path=where, found=found, expected=expected, hint=hint, line=line)
            )

    @property
    def failed(self) -> bool:
        return any(severity is Severity.ERROR for _, severity in self._seen)

    def issues(self) -> tuple[Issue, ...]:
        """Errors first, each severity in the order found, with one closing entry for a code that has more than 100."""
        more = [
            Issue(
                code=code,
                severity=severity,
                path=self._root,
                found=f"{count - KEPT_OF_ONE_CODE} more of these",
                expected="none",
                hint="Mend those listed first, then check again.",
            )
            for (code, severity), count in self._seen.items()
            if count > KEPT_OF_ONE_CODE
        ]
        return tuple(sorted([*self._kept, *more], key=lambda issue: issue.severity is not Severity.ERROR))


def quoted(text: str, most: int = 40) -> str:
    """A short piece of what a user wrote, quoted, with control characters escaped so that no terminal obeys them."""
    shown = ascii(text[:most])
    return f"{shown}..." if len(text) > most else shown


def quoted_list(names: list[str], most: int = 5) -> str:
    """The first few names and how many more there are."""
    shown = ", ".join(quoted(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
