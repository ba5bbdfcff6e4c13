"""JUnit XML as results of checks."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from labs_schema.imports.observations.results_json import ResultsError, checked
from labs_schema.limits import ObservationLimits
from labs_schema.observations import CheckKind, CheckResult, Outcome

LIMITS = ObservationLimits()
LONGEST_SECONDS = 1e9


def junit(data: bytes) -> list[CheckResult]:
    """A result for each `testcase`; skipped ones are `not_run`. Document types are rejected, because entities could
    expand to any size. Raises ResultsError."""
    try:
        root = fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise ResultsError("XML with a document type") from None
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise ResultsError(f"invalid XML ({str(error)[:80]})") from None
    return checked([_result(number, case) for number, case in enumerate(root.iter("testcase"), start=1)])


def _result(number: int, case: Element) -> CheckResult:
    problem = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
    outcome = Outcome.PASSED if problem is None else Outcome.NOT_RUN if problem.tag == "skipped" else Outcome.FAILED
    message = None if problem is None else problem.get("message") or (problem.text or "").strip() or None
    names = [name.strip() for name in (case.get("classname"), case.get("name")) if name and name.strip()]
    return CheckResult(
        check=".".join(names)[: LIMITS.name_chars] or f"case {number}",
        kind=CheckKind.UNIT_TEST,
        outcome=outcome,
        message=message,
        seconds=_seconds(case.get("time")),
    )


def _seconds(written: str | None) -> float | None:
    try:
        found = float((written or "").replace(",", ""))
    except ValueError:
        return None
    return found if 0 <= found <= LONGEST_SECONDS else None
