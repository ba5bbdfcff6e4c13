"""Observations: the outcome of every check when a submission was built and run, here or on a platform."""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from labs_schema.frozen import Frozen
from labs_schema.limits import ObservationLimits

LIMITS = ObservationLimits()
_WORD = re.compile(r"[^\W_]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


class CheckKind(StrEnum):
    BUILD = "build"
    WARNINGS = "warnings"
    LINT = "lint"
    TEST = "test"
    UNIT_TEST = "unit_test"


class Outcome(StrEnum):
    """`not_run`: an earlier check, such as the build, failed. `error`: the check itself failed, not the program.

    `flaky`: repetitions of the same check had different outcomes.
    """

    PASSED = "passed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    CRASHED = "crashed"
    NOT_RUN = "not_run"
    ERROR = "error"
    FLAKY = "flaky"


CONCLUSIVE = frozenset(Outcome) - {Outcome.NOT_RUN, Outcome.ERROR, Outcome.FLAKY}
"""The outcomes that say something about the program."""


class Match(StrEnum):
    """The closest comparison under which an output equals the expected one.

    `whitespace`: equal except for whitespace. `words`: equal except for case, punctuation and whitespace. `values`:
    the expected numbers (in a text without numbers: words) are in it, in order, with other text.
    """

    EXACT = "exact"
    WHITESPACE = "whitespace"
    WORDS = "words"
    VALUES = "values"
    NONE = "none"


def output_match(expected: str, actual: str) -> Match:
    """Compares an output with the expected one. Call it with the complete outputs, before they are shortened."""
    if expected == actual:
        return Match.EXACT
    if expected.split() == actual.split():
        return Match.WHITESPACE
    if (words := _WORD.findall(expected.casefold())) == _WORD.findall(actual.casefold()) and words:
        return Match.WORDS
    pattern = _NUMBER if _NUMBER.search(expected) else _WORD
    found = iter(pattern.findall(actual.casefold()))
    wanted = pattern.findall(expected.casefold())
    return Match.VALUES if wanted and all(each in found for each in wanted) else Match.NONE


def whole_number(value: object) -> object:
    """2.0 is an integer in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def shortened(text: str, max_chars: int) -> str:
    """`text` without its middle if it is longer than `max_chars`; lone surrogates become U+FFFD."""
    text = _SURROGATE.sub("\ufffd", text)
    if len(text) <= max_chars:
        return text
    gap = " [...] "
    first = (max_chars - len(gap)) // 2
    last = max_chars - len(gap) - first
    return text[:first] + gap + text[len(text) - last :]


Excerpt = Annotated[str, AfterValidator(lambda text: shortened(text, LIMITS.text_chars))]
"""A text of the program or of a tool. A longer one is shortened in the middle, not rejected."""
Message = Annotated[str, AfterValidator(lambda text: shortened(text, LIMITS.message_chars))]
Name = Annotated[str, Field(min_length=1, max_length=LIMITS.name_chars)]
Tag = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=LIMITS.tag_chars)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e9, le=1e9)]
Count = Annotated[int, Field(strict=True, ge=0, le=2**53), BeforeValidator(whole_number)]
LineNumber = Annotated[int, Field(strict=True, ge=1, le=2**53), BeforeValidator(whole_number)]
Status = Annotated[int, Field(strict=True, ge=-(2**31), lt=2**32), BeforeValidator(whole_number)]
"""The exit status of a process; on Windows it is unsigned."""
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Diagnostic(Frozen):
    """A line of a compiler or linter."""

    filename: Message = Field(default="", description="The file, as the tool names it.")
    line: LineNumber | None = Field(default=None, description="The line, from 1.")
    severity: Message = Field(default="warning", description="Such as error or warning.")
    text: Message = Field(description="The text of the tool.")


class CheckResult(Frozen):
    """The outcome of one check. Texts that are too long are shortened in the middle."""

    check: Name = Field(description="The name of the check.")
    kind: CheckKind = Field(description="What was checked.")
    outcome: Outcome = Field(
        description="`not_run`, `error` and `flaky` state nothing about the program; the others do."
    )
    visible: bool = Field(default=False, strict=True, description="Whether students may see the check.")
    tags: tuple[Tag, ...] = Field(
        default=(),
        max_length=LIMITS.tags,
        description="Groups that mean the same in every lab, such as `boundary`.",
    )
    points: Number | None = Field(default=None, description="The points that a platform gave.")
    max_points: Number | None = Field(default=None, description="The most points of the check.")
    input: Excerpt | None = Field(default=None, description="The standard input.")
    arguments: Message | None = Field(default=None, description="The program's arguments.")
    expected: Excerpt | None = Field(default=None, description="The expected output.")
    actual: Excerpt | None = Field(default=None, description="The output.")
    message: Excerpt | None = Field(default=None, description="The message of a test framework or of the sandbox.")
    match: Match | None = Field(default=None, description="How the complete output compares with the expected one.")
    exit_status: Status | None = Field(default=None, description="The exit status.")
    signal: Status | None = Field(default=None, description="The number of the signal that ended the program.")
    seconds: Number | None = Field(default=None, ge=0, description="Wall-clock time.")
    memory_bytes: Count | None = Field(default=None, description="The most memory in use.")
    diagnostics: tuple[Diagnostic, ...] = Field(default=(), description="The first lines of a compiler or linter.")
    diagnostic_count: Count = Field(default=0, description="The number of all lines, also of those left out.")

    @field_validator("diagnostics")
    @classmethod
    def _first_ones(cls, diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
        return diagnostics[: LIMITS.diagnostics]

    @property
    def passed(self) -> bool:
        return self.outcome is Outcome.PASSED

    @property
    def isolated(self) -> bool:
        """Whether the program had no access to the check. A unit test runs together with the program that it tests, so
        that code written for this purpose can change its outcome."""
        return self.kind is not CheckKind.UNIT_TEST


class SubmissionObservations(Frozen):
    """Everything that was observed of one submission.

    `submission` is the `files_hash` of the files that were run, `checks` the hash of what was checked, `tools` maps a
    tool to its version. `source` is where the results are from: `observe`, or a platform. Names of checks are unique.
    """

    submission: Hash
    checks: Hash | None = None
    tools: dict[Message, Message] = Field(default_factory=dict, max_length=LIMITS.tools)
    source: Tag = "observe"
    results: tuple[CheckResult, ...] = Field(max_length=LIMITS.results)

    @field_validator("results")
    @classmethod
    def _unique_names(cls, results: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
        names = [each.check for each in results]
        if len(set(names)) < len(names):
            raise ValueError("two results of the same check")
        return results

    def result(self, check: str) -> CheckResult | None:
        """The result of the check with this name."""
        return next((each for each in self.results if each.check == check), None)

    def of_kind(self, *kinds: CheckKind) -> tuple[CheckResult, ...]:
        return tuple(each for each in self.results if each.kind in kinds)

    @property
    def tests(self) -> tuple[CheckResult, ...]:
        """The tests and unit tests."""
        return self.of_kind(CheckKind.TEST, CheckKind.UNIT_TEST)

    def tests_passed(self, *, visible: bool = False) -> tuple[int, int]:
        """The number of tests that passed, and of all tests; `visible`: of those that students may see."""
        counted = [each for each in self.tests if each.visible or not visible]
        return sum(each.passed for each in counted), len(counted)

    @property
    def build(self) -> CheckResult | None:
        """The first build that did not pass, or the last one; None if nothing was built."""
        builds = self.of_kind(CheckKind.BUILD)
        return next((each for each in builds if not each.passed), builds[-1] if builds else None)


class EvidenceLine(Frozen):
    """An observation that a grade rests on."""

    check: Name = Field(description="The name of the check.")
    outcome: Outcome = Field(description="Its outcome.")
    visible: bool = Field(default=False, strict=True, description="Whether students may see it.")
    place: Message | None = Field(default=None, description="The first diagnostic, such as main.c:3.")

    def __str__(self) -> str:
        return f"{self.check}: {self.outcome}{f' at {self.place}' if self.place else ''}"


def evidence_line(result: CheckResult) -> EvidenceLine:
    first = next((each for each in result.diagnostics if each.filename), None)
    place = f"{first.filename}:{first.line}" if first and first.line else first.filename if first else None
    return EvidenceLine(check=result.check, outcome=result.outcome, visible=result.visible, place=place)


def unique_names(names: Iterable[str]) -> list[str]:
    """`names` with ` (2)`, ` (3)`, ... appended to repeated ones: platforms allow tests with the same name."""
    taken: set[str] = set()
    unique = []
    for name in names:
        number, each = 2, name
        while each in taken:
            suffix = f" ({number})"
            each, number = name[: LIMITS.name_chars - len(suffix)] + suffix, number + 1
        taken.add(each)
        unique.append(each)
    return unique
