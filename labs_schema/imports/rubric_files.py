"""Reads a rubric from a file of a course platform: Canvas, Gradescope, Moodle, or one in our own formats."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from labs_schema.errors import InputError, IssueCollector, raise_errors
from labs_schema.files.decoding import ZIP_START, decode
from labs_schema.imports.export_files import open_export
from labs_schema.imports.importer import with_tables
from labs_schema.imports.platform_tables import PlatformTable, number_of, read_platform_table
from labs_schema.imports.ratings import grade
from labs_schema.imports.records import PlatformExport
from labs_schema.models import Criterion, Rating, is_bonus_title
from labs_schema.reading.ratings.ratings_csv import HEADER, parse_ratings
from labs_schema.reading.rubric_merge import table_criteria
from labs_schema.rubrics.rubric_json import parse_rubric
from labs_schema.rubrics.rubric_text import clean_description
from labs_schema.rubrics.titles import clean_text
from labs_schema.tables.reader import is_table_name, read_table


def read_rubric_file(path: Path, name: str) -> tuple[Criterion, ...]:
    """The criteria in a file that was uploaded as `name`. Raises InputError with every fault.

    Canvas: a rubric as JSON or CSV. Gradescope: the evaluations of a question (CSV), or their zip file. Moodle: the
    answer of `core_grading_get_definitions` (JSON). Ours: `rubrics.json` or `rubric_ratings.csv`.
    """
    issues = IssueCollector(name)
    try:
        criteria = _criteria(path, name, issues)
    except InputError as error:
        raise InputError(error.issues) from None
    if not criteria and not issues.failed:
        issues.error("no-rubric-in-file", name)
    raise_errors(issues.issues())
    return criteria


def _criteria(path: Path, name: str, issues: IssueCollector) -> tuple[Criterion, ...]:
    with path.open("rb") as file:
        start = file.read(4)
    if start == ZIP_START and not name.lower().endswith((".xlsx", ".ods")):
        with open_export(path, issues) as export:
            tables = [file for file in export.files if is_table_name(file.path)]
            return _of_tables([(file.path, export.table(file)) for file in tables], issues)
    data = path.read_bytes()
    decoded = decode(data) if start != ZIP_START else None
    if decoded and decoded.text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        return _of_json(decoded.text, issues)
    rows = read_table(data, name, issues)
    if rows and rows[0].cells and rows[0].cells[0].strip().casefold() == HEADER[0].casefold():
        table = parse_ratings(rows, name, issues)
        return table_criteria(table) if table else ()
    return _of_tables([(name, read_platform_table(data, name, issues.empty_copy()))], issues)


def _of_tables(tables: list[tuple[str, PlatformTable | None]], issues: IssueCollector) -> tuple[Criterion, ...]:
    found = with_tables(PlatformExport(works=()), tables)
    if found.criteria:
        return found.criteria
    return grade(found, (), lambda _: None, issues.empty_copy()).criteria


def _of_json(text: str, issues: IssueCollector) -> tuple[Criterion, ...]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None  # parse_rubric reports the fault
    for rubric in _moodle_rubrics(document):
        return tuple(map(_moodle_criterion, rubric))
    return parse_rubric(text, issues) or ()


def _moodle_rubrics(document: Any) -> Iterator[list[Mapping[str, Any]]]:
    """The lists of criteria in a Moodle answer, in which they are nested in areas and definitions."""
    pending = [document]
    while pending:
        value = pending.pop(0)
        criteria = value.get("rubric_criteria") if isinstance(value, dict) else None
        if isinstance(criteria, list) and all(_is_moodle_criterion(each) for each in criteria):
            yield sorted(criteria, key=lambda each: number_of(str(each.get("sortorder", 0))) or 0)
        elif isinstance(value, dict):
            pending += [each for key, each in value.items() if key in ("areas", "definitions", "rubric")]
        elif isinstance(value, list):
            pending += value


def _is_moodle_criterion(value: Any) -> bool:
    levels = value.get("levels") if isinstance(value, dict) else None
    return isinstance(levels, list) and all(isinstance(each, dict) for each in levels)


def _moodle_criterion(value: Mapping[str, Any]) -> Criterion:
    ratings = (
        Rating(title=_line(each.get("definition")), marks=number_of(str(each.get("score")))) for each in value["levels"]
    )
    title = _line(value.get("description"))
    return Criterion(title=title, ratings=tuple(ratings), bonus=is_bonus_title(title))


def _line(markup: object) -> str:
    return " ".join(clean_text(clean_description(str(markup or ""))).split())
