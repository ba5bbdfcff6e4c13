"""Parses `rubrics.json` into criteria."""

import json
import math
from typing import Any

from labs_schema.errors import IssueCollector, did_you_mean, quoted
from labs_schema.models import Criterion, Rating
from labs_schema.reading.lab_folders import RUBRIC
from labs_schema.reading.titles import read_title

CRITERION_KEYS = {"title", "description", "Ratings"}
RATING_KEYS = {"title", "description", "marks"}


class _NotRubricError(ValueError):
    """JSON that Python accepts but a rubric must not contain: duplicate keys, NaN."""


def parse_rubric(text: str, issues: IssueCollector) -> tuple[Criterion, ...] | None:
    """The criteria in file order; None, with errors, if the file cannot be used."""
    try:
        found = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        _bad_json(f"{error.msg} at column {error.colno}", issues, error.lineno)
        return None
    except RecursionError:
        _bad_json("too deeply nested lists or objects", issues)
        return None
    except ValueError as error:
        _bad_json(str(error)[:100], issues)
        return None
    if not isinstance(found, list) or not found:
        _wrong_type("the file", found, "a list of criteria", issues)
        return None
    return _criteria(found, issues)


def _criteria(found: list[Any], issues: IssueCollector) -> tuple[Criterion, ...]:
    criteria: dict[str, Criterion] = {}
    for number, value in enumerate(found, start=1):
        where = f"criterion {number}"
        if not _is_object(value, where, CRITERION_KEYS, issues):
            continue
        title = _title(value, where, issues)
        ratings = value.get("Ratings")
        if not isinstance(ratings, list):
            _wrong_type(f'"Ratings" of {where}', ratings, "a list of ratings", issues)
            continue
        criterion = Criterion(
            title=title, description=_text(value, where, issues), ratings=_ratings(ratings, where, issues)
        )
        if title and criteria.setdefault(title, criterion) is not criterion:
            _duplicate("criterion", title, where, issues)
    return tuple(criteria.values())


def _ratings(found: list[Any], where: str, issues: IssueCollector) -> tuple[Rating, ...]:
    ratings: dict[str, Rating] = {}
    for number, value in enumerate(found, start=1):
        place = f"rating {number} of {where}"
        if not _is_object(value, place, RATING_KEYS, issues):
            continue
        title = _title(value, place, issues)
        rating = Rating(title=title, description=_text(value, place, issues), marks=_marks(value, place, issues))
        if title and ratings.setdefault(title, rating) is not rating:
            _duplicate("rating", title, place, issues)
    return tuple(ratings.values())


def _duplicate(what: str, title: str, where: str, issues: IssueCollector) -> None:
    issues.error(
        "duplicate-criterion" if what == "criterion" else "duplicate-rating",
        RUBRIC,
        found=f"the title {quoted(title)} a second time, in {where}",
        expected=f"a different title for each {what}",
        hint="Rename or delete one of them.",
    )


def _is_object(value: object, where: str, keys: set[str], issues: IssueCollector) -> bool:
    if not isinstance(value, dict):
        _wrong_type(where, value, "an object with a title", issues)
        return False
    if more := sorted(set(value) - keys):
        issues.warning(
            "unknown-key",
            RUBRIC,
            found=f"{quoted(more[0])} in {where}",
            expected=f"only {', '.join(sorted(keys))}",
            hint=f"The key is ignored; correct its spelling or delete it.{did_you_mean(more[0], keys)}",
        )
    return True


def _title(value: dict[str, Any], where: str, issues: IssueCollector) -> str:
    title = value.get("title")
    if not isinstance(title, str):
        _wrong_type(f'"title" of {where}', title, "text", issues)
        return ""
    return read_title(title, RUBRIC, where, None, issues)


def _text(value: dict[str, Any], where: str, issues: IssueCollector) -> str:
    """The description; it may be missing or null."""
    text = value.get("description")
    if text is None:
        return ""
    if not isinstance(text, str):
        _wrong_type(f'"description" of {where}', text, "text", issues)
        return ""
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        _bad_json(f"an invalid character (\\u0000 or an unpaired surrogate) in {where}", issues)
        return ""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _marks(value: dict[str, Any], where: str, issues: IssueCollector) -> float | None:
    marks = value.get("marks")
    if marks is None:
        return None
    if isinstance(marks, int | float) and not isinstance(marks, bool) and 0 <= marks <= 1e6 and math.isfinite(marks):
        return float(marks)
    issues.error(
        "bad-marks",
        RUBRIC,
        found=f"marks {quoted(str(marks))} in {where}",
        expected="a number from 0 to 1,000,000 such as 2 or 1.5, or null",
        hint="Write the number without quotes.",
    )
    return None


def _wrong_type(what: str, value: object, expected: str, issues: IssueCollector) -> None:
    kinds = {dict: "an object", list: "an empty list" if value == [] else "a list", str: "text", bool: "true or false"}
    found = "nothing" if value is None else kinds.get(type(value), "a number")
    issues.error("wrong-type", RUBRIC, found=f"{what} is {found}", expected=expected)


def _bad_json(found: str, issues: IssueCollector, line: int | None = None) -> None:
    issues.error("bad-json", RUBRIC, line=line, found=found)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _NotRubricError(f"the key {quoted(twice)} twice in the same object")
    return found


def _no_constant(name: str) -> float:
    raise _NotRubricError(f"{name}, which is not valid JSON")
