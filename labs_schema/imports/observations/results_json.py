"""`results.json` of Gradescope, PrairieLearn and Submitty as results of checks."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from labs_schema.errors import field_errors
from labs_schema.imports.platform_tables import number_of
from labs_schema.limits import ObservationLimits
from labs_schema.observations import CheckKind, CheckResult, Outcome, unique_names

LIMITS = ObservationLimits()
MAX_POINTS = 1e9
_BUILD = re.compile(r"\s*(?:compil|build)", re.IGNORECASE)
_NOT_A_TAG = re.compile(r"[^a-z0-9]+")


class ResultsError(ValueError):
    """A file that has no results of the platform, with the reason."""


def parse_results(data: bytes, read: Callable[[Mapping[str, Any]], list[CheckResult]]) -> list[CheckResult]:
    """Raises ResultsError, also for more results than the limit."""
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"invalid JSON ({str(error)[:80]})") from None
    return checked(read(_object(document, "the file")))


def checked(results: list[CheckResult]) -> list[CheckResult]:
    """The results with unique names. Raises ResultsError if there are none or too many."""
    if not results:
        raise ResultsError("no test results")
    if len(results) > LIMITS.results:
        raise ResultsError(f"{len(results):,} results, more than {LIMITS.results}")
    names = unique_names(each.check for each in results)
    return [each.model_copy(update={"check": name}) for each, name in zip(results, names, strict=True)]


def gradescope(document: Mapping[str, Any]) -> list[CheckResult]:
    """Lines without status and score are information and left out. Hidden tests, and those that become visible later,
    are not visible."""
    default = document.get("visibility", "visible")
    found = []
    for number, test in enumerate(_tests(document, "tests"), start=1):
        points, most = _number(test.get("score")), _number(test.get("max_score"))
        status = test.get("status")
        passed = status == "passed" if status in ("passed", "failed") else _reached(points, most)
        if passed is not None:
            visible = (test.get("visibility") or default) == "visible"
            name = _text(test.get("name")) or f"test {_text(test.get('number')) or number}"
            found.append(_result(name, passed, points, most, _text(test.get("output")), visible, _tags(test)))
    return found


def prairielearn(document: Mapping[str, Any]) -> list[CheckResult]:
    """`max_points` is 1 where it is missing. A submission that is not gradable has failed its build."""
    if document.get("gradable") is False:
        errors = document.get("format_errors")
        message = "\n".join(map(str, errors)) if isinstance(errors, list) else str(errors or "")
        return [CheckResult(check="build", kind=CheckKind.BUILD, outcome=Outcome.FAILED, message=message, visible=True)]
    found = []
    for number, test in enumerate(_tests(document, "tests"), start=1):
        points, most = _number(test.get("points")), _number(test.get("max_points"))
        passed = _reached(points, 1.0 if most is None else most)
        name = _text(test.get("name")) or f"test {number}"
        message = "\n".join(filter(None, (_text(test.get("message")), _text(test.get("output")))))
        if passed is not None:
            found.append(_result(name, passed, points, most, message, visible=True))
    return found


def submitty(document: Mapping[str, Any]) -> list[CheckResult]:
    """A test case has failed if one of its checks has a message of the type `failure`."""
    found = []
    for number, test in enumerate(_tests(document, "testcases"), start=1):
        messages = [
            message
            for check in _objects(test.get("autochecks"))
            for message in _objects(check.get("messages"))
            if message.get("type") == "failure"
        ]
        message = "\n".join(_text(each.get("message")) for each in messages)
        name = _text(test.get("test_name")) or f"test {number}"
        metrics = test.get("metrics")
        seconds = _number(metrics.get("elapsed_time")) if isinstance(metrics, dict) else None
        result = _result(name, not messages, _number(test.get("points_awarded")), None, message, visible=False)
        found.append(result.model_copy(update={"seconds": seconds if seconds is None else max(seconds, 0.0)}))
    return found


READERS: dict[str, Callable[[Mapping[str, Any]], list[CheckResult]]] = {
    "gradescope": gradescope,
    "prairielearn": prairielearn,
    "submitty": submitty,
}


def _result(
    name: str,
    passed: bool,
    points: float | None,
    most: float | None,
    message: str,
    visible: bool,
    tags: tuple[str, ...] = (),
) -> CheckResult:
    try:
        return CheckResult(
            check=name[: LIMITS.name_chars],
            kind=CheckKind.BUILD if _BUILD.match(name) else CheckKind.TEST,
            outcome=Outcome.PASSED if passed else Outcome.FAILED,
            visible=visible,
            tags=tags,
            points=points,
            max_points=most,
            message=message or None,
        )
    except ValidationError as error:
        raise ResultsError(f"an invalid test ({field_errors(error)[0][:80]})") from None


def _reached(points: float | None, most: float | None) -> bool | None:
    return None if points is None or most is None else points >= most


def _tests(document: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    tests = document.get(key)
    if tests is not None and not isinstance(tests, list):
        raise ResultsError(f"{key} is not a list")
    for test in tests or ():
        yield _object(test, f"an entry of {key}")


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ResultsError(f"{what} is not an object")
    return value


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    """A number, also as text: some writers quote numbers."""
    found = number_of(value) if isinstance(value, str) else value
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found) if abs(found) <= MAX_POINTS else None


def _tags(test: Mapping[str, Any]) -> tuple[str, ...]:
    tags = test.get("tags")
    words = (
        (_NOT_A_TAG.sub("-", tag.lower()).strip("-") for tag in tags if isinstance(tag, str))
        if isinstance(tags, list)
        else ()
    )
    return tuple(dict.fromkeys(word for word in words if word))[: LIMITS.tags]
