"""`roster.csv`: who the students of a course are, as Canvas, Moodle and Gradescope export it. Knows no programs.

Columns are known by their titles, in any order; others, such as a section, are not read. An e-mail address counts as
an id. Nothing found in a cell is told, as stderr is a log: only its line.
"""

import re
from collections.abc import Mapping

from labs_schema.errors import IssueCollector
from labs_schema.models import Person
from labs_schema.reading.csv_rows import CsvRow, read_rows

# fmt: off
_TITLES = {
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
_KNOWN = {title: kind for kind, titles in _TITLES.items() for title in titles}
_NOBODY = re.compile(r"\s*(?:points possible|student, test|test student)\s*", re.IGNORECASE)
EXPECTED = "a title row such as student,name or student,first name,last name,email"


def parse_roster(text: str, path: str, longest_line: int, issues: IssueCollector) -> tuple[Person, ...]:
    """The people of a roster in its order; empty, and every issue noted, where it cannot be used."""
    rows = read_rows(text, path, longest_line, issues)
    if rows is None:
        return ()
    title, *others = rows
    columns = _columns(title, path, issues)
    people: dict[int, Person] = {}
    for row in others if columns else ():
        if any(row.cells) and (person := _person(row, columns, len(title.cells), path, issues)):
            people[row.line] = person
    if columns and not people and not issues.failed:
        _bad("empty-roster", path, title.line, "a title row alone", "a row for each student", issues)
    _check(people, path, issues)
    return tuple(people.values())


def _columns(title: CsvRow, path: str, issues: IssueCollector) -> dict[int, str]:
    """place -> `id`, `name`, `first` or `last`, of the columns that are read."""
    titles = [re.sub(r"[\W_]", "", cell.lower()) for cell in title.cells]
    columns = {place: _KNOWN[title] for place, title in enumerate(titles) if title in _KNOWN}
    if titles.count("student") == 1 and "id" in titles and not {"name", "last"} & set(columns.values()):
        columns[titles.index("student")] = "name"  # Canvas's gradebook
    semicolons = len(titles) == 1 and ";" in title.cells[0]
    if columns and not semicolons:
        return columns
    found = "cells between semicolons" if semicolons else "no column with ids or names"
    _bad("roster-columns", path, title.line, found, EXPECTED, issues)
    return {}


def _person(row: CsvRow, columns: Mapping[int, str], width: int, path: str, issues: IssueCollector) -> Person | None:
    if len(row.cells) > width:
        _bad("roster-row", path, row.line, f"{len(row.cells)} cells", f"at most {width}, as in the title row", issues)
        return None
    cells: dict[str, list[str]] = {kind: [] for kind in _TITLES}
    for place, kind in columns.items():
        if place < len(row.cells) and row.cells[place]:
            cells[kind].append(row.cells[place])
    if any(map(_NOBODY.fullmatch, cells["name"])):
        return None
    if not any(cells.values()):
        _bad("roster-row", path, row.line, "neither an id nor a name", "one of them at least", issues)
        return None
    first, last = " ".join(cells["first"]), " ".join(cells["last"])
    for name in cells["name"]:
        before, after = _split(name)
        first, last = f"{first} {before}".strip(), f"{last} {after}".strip()
    return Person(ids=tuple(dict.fromkeys(cells["id"])), first=first, last=last)


def _split(name: str) -> tuple[str, str]:
    """First names and surname: `Rossi, Mario`, `Mario Rossi`."""
    last, comma, first = name.partition(",")
    if comma:
        return first.strip(), last.strip()
    *firsts, last = name.split() or [""]
    return " ".join(firsts), last


def _check(people: Mapping[int, Person], path: str, issues: IssueCollector) -> None:
    """What looks odd and does no harm."""
    lines: dict[str, int] = {}
    for line, person in people.items():
        for each in {each.casefold() for each in person.ids}:
            if each in lines and people[lines[each]] != person:
                issues.warning(
                    "roster-twice",
                    path,
                    line=line,
                    found=f"an id that line {lines[each]} has too",
                    expected="ids of one student alone",
                    hint="Both names are hidden; correct the id that is wrong.",
                )
            lines.setdefault(each, line)
    if people and not any(person.last or person.first for person in people.values()):
        issues.warning(
            "roster-without-names",
            path,
            found="ids alone",
            expected=EXPECTED,
            hint="Names in comments are not hidden; add a column of names.",
        )


def _bad(code: str, path: str, line: int, found: str, expected: str, issues: IssueCollector) -> None:
    hint = "Mend the row, or export the roster again as comma-separated values."
    issues.error(code, path, line=line, found=found, expected=expected, hint=hint)
