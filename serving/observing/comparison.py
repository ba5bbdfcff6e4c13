"""Compares the output of a program with the expected one."""

import math
import re

import regex

from labs_schema.checks.models import Compare, ProgramTest

PATTERN_SECONDS = 1.0
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,4})?", re.ASCII)


class ComparisonError(Exception):
    """An output that cannot be compared: a pattern takes too long, or a validator fails."""


def output_fits(test: ProgramTest, output: str) -> bool:
    """Whether the test accepts `output`; true if it expects none, or if a validator decides. Raises ComparisonError."""
    expected = test.stdout
    if expected is None or test.compare is Compare.VALIDATOR:
        return True
    if test.compare is Compare.REGEX:
        return _found(expected, output, test.ignore_case)
    if test.ignore_case:
        expected, output = expected.casefold(), output.casefold()
    if test.compare is Compare.EXACT:
        return expected == output
    if test.compare is Compare.WHITESPACE:
        return expected.split() == output.split()
    wanted, given = expected.split(), output.split()
    return len(wanted) == len(given) and all(
        _same(one, other, test.tolerance) for one, other in zip(wanted, given, strict=True)
    )


def _found(pattern: str, output: str, ignore_case: bool) -> bool:
    flags = regex.MULTILINE | (regex.IGNORECASE if ignore_case else 0)
    try:
        return regex.search(pattern, output, flags, timeout=PATTERN_SECONDS) is not None
    except TimeoutError:
        raise ComparisonError("the regular expression takes too long") from None


def _same(expected: str, given: str, tolerance: float) -> bool:
    if expected == given:
        return True
    if not (_NUMBER.fullmatch(expected) and _NUMBER.fullmatch(given)):
        return False
    return math.isclose(float(expected), float(given), rel_tol=0, abs_tol=tolerance * max(1.0, abs(float(expected))))
