"""Parses the reports of unit tests: JUnit XML and the Test Anything Protocol."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

CASES = 1_000
"""Cases of a report that are read."""
_TAP_LINE = re.compile(r"^\s*(?P<not>not )?ok\b(?:\s+\d+)?\s*(?:-\s*)?(?P<name>[^#]*)(?:#\s*(?P<directive>\w+))?")
_TAP_PLAN = re.compile(r"^1\.\.(?P<planned>\d{1,6})")


class Case(NamedTuple):
    """One case of a unit test. Skipped cases are left out."""

    name: str
    passed: bool
    message: str = ""


class ReportError(ValueError):
    """A report that cannot be read, with the reason."""


def junit_cases(report: bytes) -> list[Case]:
    """Raises ReportError, also for a document type: entities could expand to any size."""
    try:
        root = fromstring(report, forbid_dtd=True)
    except DefusedXmlException:
        raise ReportError("the report has a document type") from None
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise ReportError(f"the report is not JUnit XML: {error}") from None
    cases = [case for element in root.iter("testcase") if (case := _junit_case(element))]
    if not cases:
        raise ReportError("the report has no case")
    return cases[:CASES]


def _junit_case(element: Element) -> Case | None:
    name = element.get("name") or "case"
    for child in element:
        if child.tag in ("failure", "error"):
            return Case(name, False, child.get("message") or (child.text or "").strip())
        if child.tag == "skipped":
            return None
    return Case(name, True)


def tap_cases(report: str) -> list[Case]:
    """Raises ReportError. Planned cases that were not reported have failed."""
    cases = list(_tap_lines(report))
    plan = next((found for line in report.splitlines() if (found := _TAP_PLAN.match(line))), None)
    missing = min(CASES, int(plan["planned"])) - len(cases) if plan else 0
    cases += [Case("planned case", False, "it was announced but not reported")] * max(0, missing)
    if not cases:
        raise ReportError("the output has no line of the Test Anything Protocol")
    return [case for case in cases[:CASES] if case.message != "skip"]


def _tap_lines(report: str) -> Iterator[Case]:
    for line in report.splitlines():
        if found := _TAP_LINE.match(line):
            directive = (found["directive"] or "").lower()
            passed = not found["not"] or directive == "todo"
            yield Case(found["name"].strip() or "case", passed, "skip" if directive == "skip" else "")
