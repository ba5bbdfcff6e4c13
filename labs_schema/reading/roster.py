"""Parses `roster.csv`, the list of a course's students as exported by Canvas, Moodle and Gradescope.

Columns are recognized by their headings, in any order; other columns are ignored. An e-mail address counts as an id.
Issues give the line only, never a cell's content, because stderr may be a log.
"""

import re
from collections.abc import Mapping

from labs_schema.errors import IssueCollector, did_you_mean
from labs_schema.models import Person
from labs_schema.tables.delimited import Row

# fmt: off
_HEADINGS = {
    "id": {
        "id", "student", "studentid", "sid", "sisuserid", "sisloginid", "sisid", "login", "loginid", "username",
        "userid", "user", "idnumber", "studentnumber", "number", "matricola", "matrikelnummer", "email", "emailaddress",
        "mail", "orgdefinedid", "uid", "netid",
    },
    "name": {"name", "fullname", "studentname", "displayname", "sortablename"},
    "first": {"first", "firstname", "givenname", "givennames", "forename", "nome", "nombre", "vorname", "prenom"},
    "last": {"last", "lastname", "surname", "familyname", "cognome", "apellido", "apellidos", "apelido", "nachname"},
}
# fmt: on
_KINDS = {heading: kind for kind, headings in _HEADINGS.items() for heading in headings}
_TEST_STUDENT = re.compile(r"\s*(?:points possible|student, test|test student)\s*", re.IGNORECASE)
EXPECTED = "headings such as student,name or student,first name,last name,email"


def parse_roster(rows: list[Row], path: str, issues: IssueCollector) -> tuple[Person, ...]:
    """The students in order; empty, with errors, if the roster cannot be used."""
    header, *others = rows
    columns = _columns(header, path, issues)
    people: dict[int, Person] = {}
    for row in others if columns else ():
        if any(row.cells) and (person := _person(row, columns, len(header.cells), path, issues)):
            people[row.line] = person
    if columns and not people and not issues.failed:
        _report("empty-roster", path, header.line, "headings only", "a row for each student", issues)
    _check(people, path, issues)
    return tuple(people.values())


def _columns(header: Row, path: str, issues: IssueCollector) -> dict[int, str]:
    """Column index -> `id`, `name`, `first` or `last`, for the columns that are read."""
    headings = [re.sub(r"[\W_]", "", cell.lower()) for cell in header.cells]
    columns = {index: _KINDS[heading] for index, heading in enumerate(headings) if heading in _KINDS}
    if headings.count("student") == 1 and "id" in headings and not {"name", "last"} & set(columns.values()):
        columns[headings.index("student")] = "name"  # Canvas's gradebook: `Student` is the name
    semicolons = len(headings) == 1 and ";" in header.cells[0]
    if columns and not semicolons:
        return columns
    found = "cells separated by semicolons" if semicolons else "no column of ids or names"
    suggestion = next(filter(None, (did_you_mean(heading, _KINDS) for heading in headings)), "")
    _report("roster-columns", path, header.line, found, EXPECTED, issues, suggestion)
    return {}


def _person(row: Row, columns: Mapping[int, str], width: int, path: str, issues: IssueCollector) -> Person | None:
    if len(row.cells) > width:
        _report("roster-row", path, row.line, f"{len(row.cells)} cells", f"at most {width}, as in the header", issues)
        return None
    cells: dict[str, list[str]] = {kind: [] for kind in _HEADINGS}
    for index, kind in columns.items():
        if index < len(row.cells) and row.cells[index]:
            cells[kind].append(row.cells[index])
    if any(map(_TEST_STUDENT.fullmatch, cells["name"])):
        return None
    if not any(cells.values()):
        _report("roster-row", path, row.line, "neither an id nor a name", "at least one of them", issues)
        return None
    first, last = " ".join(cells["first"]), " ".join(cells["last"])
    for name in cells["name"]:
        before, after = _split_name(name)
        first, last = f"{first} {before}".strip(), f"{last} {after}".strip()
    return Person(ids=tuple(dict.fromkeys(cells["id"])), first=first, last=last)


def _split_name(name: str) -> tuple[str, str]:
    """First names and surname of `Rossi, Mario` or `Mario Rossi`."""
    last, comma, first = name.partition(",")
    if comma:
        return first.strip(), last.strip()
    *firsts, last = name.split() or [""]
    return " ".join(firsts), last


def _check(people: Mapping[int, Person], path: str, issues: IssueCollector) -> None:
    """Warns of suspicious but harmless entries."""
    lines: dict[str, int] = {}
    for line, person in people.items():
        for each in {each.casefold() for each in person.ids}:
            if each in lines and people[lines[each]] != person:
                issues.warning("roster-twice", path, line=line, found=f"an id that is also in line {lines[each]}")
            lines.setdefault(each, line)
    if people and not any(person.last or person.first for person in people.values()):
        issues.warning("roster-without-names", path, expected=EXPECTED)


def _report(
    code: str, path: str, line: int, found: str, expected: str, issues: IssueCollector, suggestion: str = ""
) -> None:
    hint = f"Fix the row, or export the roster again as comma-separated values.{suggestion}"
    issues.error(code, path, line=line, found=found, expected=expected, hint=hint)
