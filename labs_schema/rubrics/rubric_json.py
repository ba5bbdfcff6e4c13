"""Parses `rubrics.json` into criteria."""

import json
from collections.abc import Set
from typing import Any

from labs_schema.errors import IssueCollector, did_you_mean, quoted
from labs_schema.models import Criterion, Rating, is_bonus_title
from labs_schema.rubrics.decision_rules import RUBRIC, read_rules
from labs_schema.rubrics.json_text import parse_json
from labs_schema.rubrics.marks import read_marks
from labs_schema.rubrics.repeated_titles import Part, distinct_titles
from labs_schema.rubrics.rubric_keys import (
    CRITERION_KEYS,
    NOT_READ,
    RATING_KEYS,
    RepeatedKeyError,
    criteria_of,
    criterion_fields,
)
from labs_schema.rubrics.rubric_text import clean_description
from labs_schema.rubrics.titles import Titles, read_title

__all__ = ["RUBRIC", "parse_rubric"]


def parse_rubric(text: str, issues: IssueCollector) -> tuple[Criterion, ...] | None:
    """The criteria in file order; None, with errors, if the file cannot be used."""
    try:
        found = criteria_of(parse_json(text))
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
    return _named_apart([each for n, value in enumerate(found, 1) if (each := _criterion(value, n, issues))], issues)


def _criterion(value: object, number: int, issues: IssueCollector) -> Criterion | None:
    where = f"criterion {number}"
    if not isinstance(value, dict):
        _wrong_type(where, value, "an object with a title", issues)
        return None
    try:
        fields = criterion_fields(value)
    except RepeatedKeyError as error:
        _bad_json(f"two values of {error.key} in {where}", issues)
        return None
    _report_unknown(fields, where, CRITERION_KEYS, issues)
    title = _title(fields, where, issues)
    ratings, bonus = fields.get("ratings"), fields.get("bonus")
    if not isinstance(ratings, list):
        _wrong_type(f'"ratings" of {where}', ratings, "a list of ratings", issues)
        return None
    if bonus is not None and not isinstance(bonus, bool):
        _wrong_type(f'"bonus" of {where}', bonus, "true or false", issues)
    if fields.get("use_range") is True:
        issues.warning("point-range", RUBRIC, found=f"ratings with a range of points in {where}")
    criterion = Criterion(
        title=title,
        description=_text(fields, where, issues),
        ratings=_ratings(ratings, where, issues),
        bonus=bonus if isinstance(bonus, bool) else is_bonus_title(title),
    )
    rules = read_rules(fields.get("decided_by"), criterion, where, issues)
    return criterion.model_copy(update={"decided_by": rules, "clarifications": _clarifications(fields, where, issues)})


def _clarifications(fields: dict[str, Any], where: str, issues: IssueCollector) -> tuple[str, ...]:
    found = fields.get("clarifications")
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        _wrong_type(f'"clarifications" of {where}', found, "a list of texts", issues)
        return ()
    texts = (_text({"description": each}, where, issues) for each in found)
    return tuple(each for each in texts if each)


def _ratings(found: list[Any], where: str, issues: IssueCollector) -> tuple[Rating, ...]:
    ratings: list[Rating] = []
    titles = Titles()
    for number, fields in enumerate(found, start=1):
        place = f"rating {number} of {where}"
        if not isinstance(fields, dict):
            _wrong_type(place, fields, "an object with a title", issues)
            continue
        _report_unknown(fields, place, RATING_KEYS, issues)
        title = _title(fields, place, issues)
        marks = read_marks(fields.get("points"), RUBRIC, place, None, issues)
        rating = Rating(title=title, description=_text(fields, place, issues), marks=marks)
        if title and titles.find(title) is not None:
            issues.error("duplicate-rating", RUBRIC, found=f"the title {quoted(title)} a second time, in {place}")
        else:
            titles.add(title)
            ratings.append(rating)
    return tuple(ratings)


def _named_apart(criteria: list[Criterion], issues: IssueCollector) -> tuple[Criterion, ...]:
    """The criteria with unique titles: those with a title in common get their descriptions added."""
    parts = [Part(each.title, each.description, rating.title) for each in criteria for rating in each.ratings]
    names = distinct_titles(parts, RUBRIC, None, issues)
    titles, unique = Titles(), []
    for number, criterion in enumerate(criteria, start=1):
        title = names.get((criterion.title, criterion.description), criterion.title)
        if title and titles.find(title) is not None:
            found = f"the title {quoted(criterion.title)} a second time, in criterion {number}"
            issues.error("duplicate-criterion", RUBRIC, found=found)
            continue
        titles.add(title)
        unique.append(criterion.model_copy(update={"title": title}))
    return tuple(unique)


def _report_unknown(fields: dict[str, Any], where: str, keys: Set[str], issues: IssueCollector) -> None:
    if more := sorted(set(fields) - keys - NOT_READ - {"id", "points"}):
        found, expected = f"{quoted(more[0])} in {where}", f"only {', '.join(sorted(keys))}"
        suggestion = did_you_mean(more[0], keys)
        issues.warning("unknown-key", RUBRIC, found=found, expected=expected, suggestion=suggestion)


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
    return clean_description(text)


def _wrong_type(what: str, value: object, expected: str, issues: IssueCollector) -> None:
    kinds = {dict: "an object", list: "an empty list" if value == [] else "a list", str: "text", bool: "true or false"}
    found = "nothing" if value is None else kinds.get(type(value), "a number")
    issues.error("wrong-type", RUBRIC, found=f"{what} is {found}", expected=expected)


def _bad_json(found: str, issues: IssueCollector, line: int | None = None) -> None:
    issues.error("bad-json", RUBRIC, line=line, found=found)
