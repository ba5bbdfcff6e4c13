"""Errors that a user can fix, and the issues found in their files: file, line, found, expected, hint."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence, Set
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TypedDict, Unpack

import yaml
from pydantic import Field, ValidationError

from labs_schema.frozen import Frozen
from labs_schema.limits import LabLimits


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Issue(Frozen):
    """One problem in a user's input. `issues.yaml` explains every `code`.

    Contains student text only as a short escaped excerpt.
    """

    code: str = Field(description="A stable name of the kind of problem.")
    severity: Severity = Field(description="`error` or `warning`.")
    path: str = Field(description="The file, relative to what was read.")
    found: str = Field(description="What the file has there, shortened.")
    expected: str = Field(description="What would be valid.")
    hint: str = Field(description="How to fix it.")
    line: int | None = Field(default=None, description="Counts from 1; null if the problem is not in one line.")

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{self.severity} {self.code} {where}: found {self.found}; expected {self.expected}. {self.hint}"


class IssueDetails(TypedDict, total=False):
    """Fields of an issue. Texts that are left out are those of its code in `issues.yaml`.

    `suggestion`: what `did_you_mean` returns; it follows the hint.
    """

    found: str
    expected: str
    hint: str
    suggestion: str
    line: int | None


@cache
def issue_texts() -> dict[str, dict[str, str]]:
    """Code -> its `group`, its `meaning`, and the texts that all issues with the code have in common."""
    groups = yaml.safe_load(files("labs_schema").joinpath("issues.yaml").read_bytes())
    return {code: texts | {"group": group} for group, codes in groups.items() for code, texts in codes.items()}


def error_issue(code: str, path: object, **details: Unpack[IssueDetails]) -> Issue:
    """An issue that makes the input unusable."""
    return _issue(Severity.ERROR, code, str(path), details)


def _issue(severity: Severity, code: str, path: str, details: IssueDetails) -> Issue:
    texts = {name: text for name, text in issue_texts()[code].items() if name in IssueDetails.__annotations__}
    fields = {"severity": severity, "code": code, "path": path, **texts, **details}
    hint = f"{fields['hint']}{fields.pop('suggestion', '')}"
    return Issue.model_validate({**fields, "hint": hint})


def _details(issue: Issue) -> IssueDetails:
    return {"found": issue.found, "expected": issue.expected, "hint": issue.hint, "line": issue.line}


class GraderError(Exception):
    """Base class of errors that a user can fix. The CLI prints them without a traceback.

    `code` names the kind of error and is stable; subclasses have their own, and other errors state it. `issues.yaml`
    explains every code.
    """

    code: str = "error"

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        self.code = code or self.code
        super().__init__(message)


class InputError(GraderError):
    """Unusable input. `issues` holds every problem found, not only the first."""

    code = "invalid-input"

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(issues)
        super().__init__("\n".join(map(str, self.issues)))


def raise_errors(issues: Iterable[Issue]) -> None:
    """Raises InputError with those of the issues that are errors, if there are any."""
    if errors := [issue for issue in issues if issue.severity is Severity.ERROR]:
        raise InputError(errors)


def check_known(code: str, where: str, name: str, known: Collection[str]) -> None:
    """Raises InputError, with a suggestion, if `name` is not one of the `known` ones."""
    if name not in known:
        expected, suggestion = f"one of {', '.join(known)}", did_you_mean(name, known)
        raise InputError([error_issue(code, where, found=quoted(name), expected=expected, suggestion=suggestion)])


class OverlongError(GraderError):
    """A prompt of `needed` tokens that exceeds the `available` tokens of the model's context."""

    code = "prompt-too-long"

    def __init__(self, what: str, needed: int, available: int) -> None:
        self.needed, self.available = needed, available
        super().__init__(
            f"{what}: the prompt needs {needed} tokens, but the model's context has room for {available}. "
            "Use a model with a longer context, or choose --on-overlong skip or --on-overlong middle."
        )


class ModelError(GraderError):
    """A model, adapter, tokenizer or run that is missing, unusable, or different from what was expected.

    Each place states its own `code`.
    """

    code = "model-unusable"


class IssueCollector:
    """Collects issues while files are read, so that all are reported together.

    `root` (a lab's folder name) is prepended to every path. Only the first `LabLimits.issues_per_code` issues of a code
    are stored and the rest counted, so memory is bounded.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._stored: list[Issue] = []
        self._counts: Counter[tuple[str, Severity]] = Counter()
        self._max_per_code = LabLimits().issues_per_code

    def error(self, code: str, path: str, **details: Unpack[IssueDetails]) -> None:
        """Reports a problem that makes the lab unusable."""
        self._add(Severity.ERROR, code, path, details)

    def warning(self, code: str, path: str, **details: Unpack[IssueDetails]) -> None:
        """Reports a problem that leaves the lab usable; `hint` explains how it is handled."""
        self._add(Severity.WARNING, code, path, details)

    def empty_copy(self) -> "IssueCollector":
        """A collector with the same root, for issues whose severity is decided later."""
        return IssueCollector(self._root)

    def add_all(self, own: "IssueCollector") -> None:
        """Adds the issues of a collector with the same root."""
        for issue in own.issues():
            self._add(issue.severity, issue.code, issue.path[len(self._root) + 1 :], _details(issue))

    def tolerating(self, codes: Set[str], hint: str) -> "IssueCollector":
        """A copy in which errors with these codes are warnings; `hint` is added to theirs."""
        copied = self.empty_copy()
        for issue in self.issues():
            details, path = _details(issue), issue.path[len(self._root) + 1 :]
            if issue.code in codes and issue.severity is Severity.ERROR:
                details["hint"] += f" {hint}"
                copied.warning(issue.code, path, **details)
            else:
                copied._add(issue.severity, issue.code, path, details)
        return copied

    def reject_submission(self, own: "IssueCollector") -> Issue | None:
        """Adds the issues of one submission, collected in `own` with the same root.

        An error concerns that submission only: it becomes a warning, once for each code, and the first one is returned.
        """
        errors: dict[str, Issue] = {}
        for issue in own.issues():
            if issue.severity is Severity.ERROR:
                errors.setdefault(issue.code, issue)
        for issue in errors.values() or own.issues():
            details = _details(issue)
            if errors:
                details["hint"] += " Until then the student is ungraded; the other submissions are graded."
            self._add(Severity.WARNING, issue.code, issue.path[len(self._root) + 1 :], details)
        return next(iter(errors.values()), None)

    def _add(self, severity: Severity, code: str, path: str, details: IssueDetails) -> None:
        self._counts[code, severity] += 1
        if self._counts[code, severity] <= self._max_per_code:
            where = f"{self._root}/{path}" if path else self._root
            self._stored.append(_issue(severity, code, where, details))

    @property
    def errors(self) -> frozenset[str]:
        """The codes of the errors reported."""
        return frozenset(code for code, severity in self._counts if severity is Severity.ERROR)

    @property
    def failed(self) -> bool:
        """Whether any error was reported."""
        return bool(self.errors)

    def counts(self) -> dict[str, int]:
        """Code -> number of issues, also of those that are not stored."""
        return {code: count for (code, _), count in sorted(self._counts.items())}

    def issues(self) -> tuple[Issue, ...]:
        """Errors first, otherwise in the order reported. One summary issue replaces those past the limit of a code."""
        more = [
            Issue(
                code=code,
                severity=severity,
                path=self._root,
                found=f"{count - self._max_per_code} more issues of this kind",
                expected="none",
                hint="Fix the listed ones first, then check again.",
            )
            for (code, severity), count in self._counts.items()
            if count > self._max_per_code
        ]
        return tuple(sorted([*self._stored, *more], key=lambda issue: issue.severity is not Severity.ERROR))


def field_errors(invalid: ValidationError) -> list[str]:
    """`field: message` for each invalid field of a record, without its value; only `message` for the whole record."""
    errors = invalid.errors(include_url=False, include_input=False, include_context=False)
    return [": ".join(filter(None, (".".join(map(str, error["loc"])), error["msg"]))) for error in errors]


def quoted(text: str, max_chars: int = 40) -> str:
    """A short quoted excerpt of user text. Control characters are escaped, so it is safe to print to a terminal."""
    excerpt = ascii(text[:max_chars])
    return f"{excerpt}..." if len(text) > max_chars else excerpt


def quoted_list(names: list[str], max_names: int = 5) -> str:
    """The first names, quoted, and the number of further ones."""
    shown = ", ".join(quoted(name) for name in names[:max_names])
    return f"{shown} and {len(names) - max_names} more" if len(names) > max_names else shown


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence to append to a hint: ` Did you mean 'x'?`, or an empty string if no known name is similar.

    Case is ignored, as `Readability` for `readability` is the most common slip in a table.
    """
    by_folded = {each.casefold(): each for each in known if each != name}
    near = get_close_matches(name.casefold(), by_folded, n=1)
    return f" Did you mean {quoted(by_folded[near[0]])}?" if near else ""
