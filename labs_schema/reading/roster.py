"""Parses `roster.csv`, the list of a course's students as exported by course platforms.

Columns are recognized by their headings in English, French, German, Italian, Portuguese and Spanish, in any order;
other columns are listed once in a warning. An e-mail address counts as an id. Issues give headings and the line only,
never a cell's content, because stderr may be a log.
"""

import re
import unicodedata
from collections.abc import Mapping

from labs_schema.errors import IssueCollector, did_you_mean, quoted_list
from labs_schema.models import Person
from labs_schema.tables.delimited import Row

_HEADINGS = {
    "id": """
        id student studentid studentids sid sisuserid sisloginid sisid login loginid username userid user idnumber
        studentnumber number uid uin netid orgdefinedid identifier externalid emailaddress email mail githubusername
        matricola matrikelnummer idnummer anmeldename benutzername kennung studierendennummer emailadresse
        numerodidentification numeroetudiant identifiant nomdutilisateur adressedecourriel courriel adresseemail
        numerodeid numeroid nombredeusuario usuario matricula direcciondecorreo correo correoelectronico
        direcciondecorreoelectronico codiceidentificativo numeroidentificativo nomeutente indirizzoemail
        indirizzodiposta indirizzodipostaelettronica matrnr matriculenr matricule numerodematricule numerodetudiant
        numeromatricola numerodimatricola numerodematricula nummatricula codigodeestudiante nia
        studentidnumber studentno universityid campusid
        numerodeidentificacao numerodealuno nomedeusuario nomedeutilizador enderecodeemail
        """,
    "name": """
        name fullname studentname displayname sortablename preferredname nomcomplet nometprenom nomprenom
        vollstandigername vollername nombrecompleto nombreyapellidos nomecompleto nomeecognome cognomenome cognomeenome
        nomedoaluno estudante studente etudiant estudiante alumno aluno
        """,
    "first": """
        first firstname preferredfirstname legalfirstname
        givenname givennames forename prenom prenoms vorname rufname nombre nombres nome primeironome
        """,
    "last": """
        last lastname legallastname
        surname familyname nomdefamille nachname familienname apellido apellidos cognome apelido apelidos
        sobrenome ultimonome
        """,
    "nom": "nom",
}
TEAM_HEADINGS = frozenset(
    "group team groupname teamname gruppe gruppenname groupe equipe grupo equipo gruppo".split()  # noqa: SIM905  # codespell:ignore groupe
)
"""Headings of the name of a student's group, as `folded_heading` returns them."""
_KINDS = {heading: kind for kind, headings in _HEADINGS.items() for heading in headings.split()}
TEST_STUDENT = re.compile(
    r"\s*(?:points? possibles?|punkte möglich|puntos posibles|punti possibili|pontos possíveis"
    r"|student, test|test student)\s*",
    re.IGNORECASE,
)


def heading_kind(heading: str) -> str | None:
    """`id`, `name`, `first`, `last` or `nom` (a surname next to a first name, else a name); None if it is not read."""
    return _KINDS.get(folded_heading(heading))


def parse_roster(rows: list[Row], path: str, issues: IssueCollector) -> tuple[Person, ...]:
    """The students in order; empty, with errors, if the roster cannot be used."""
    header, *others = rows
    columns = _columns(header, path, issues)
    people: dict[int, Person] = {}
    for row in others if columns else ():
        if any(row.cells) and (person := _person(row, columns, len(header.cells), path, issues)):
            people[row.line] = person
    if columns and not people and not issues.failed:
        issues.error("empty-roster", path, line=header.line)
    _check(people, path, issues)
    return tuple(people.values())


def _columns(header: Row, path: str, issues: IssueCollector) -> dict[int, str]:
    """Column index -> `id`, `name`, `first` or `last`, for the columns that are read. Warns once of the others."""
    headings = [folded_heading(cell) for cell in header.cells]
    columns = {index: _KINDS[heading] for index, heading in enumerate(headings) if heading in _KINDS}
    kinds = set(columns.values())
    if headings.count("student") == 1 and "id" in headings and not {"name", "last"} & kinds:
        columns[headings.index("student")] = "name"  # Canvas's gradebook: `Student` is the name
    for index, kind in list(columns.items()):
        if kind == "nom" or (kind == "name" and "first" in kinds and not {"last", "nom"} & kinds):
            columns[index] = "last" if "first" in kinds else "name"  # French and German: the surname besides Vorname
        elif kind == "first" and not {"last", "nom", "name"} & kinds:
            columns[index] = "name"  # Italian, Portuguese and Spanish: the only name
    if not columns:
        suggestion = next(filter(None, (did_you_mean(heading, _KINDS) for heading in headings)), "")
        issues.error("roster-columns", path, line=header.line, suggestion=suggestion)
    elif unread := [cell for index, cell in enumerate(header.cells) if cell and index not in columns]:
        issues.warning("roster-columns-unread", path, line=header.line, found=f"the columns {quoted_list(unread, 20)}")
    return columns


def folded_heading(heading: str) -> str:
    """`prenom` for `Prénom`: letters and digits in lower case, without accents."""
    plain = unicodedata.normalize("NFKD", heading.casefold())
    return "".join(char for char in plain if char.isalnum() and not unicodedata.combining(char))


def _person(row: Row, columns: Mapping[int, str], width: int, path: str, issues: IssueCollector) -> Person | None:
    if len(row.cells) > width:
        found, expected = f"{len(row.cells)} cells", f"at most {width}, as in the header"
        issues.error("roster-row", path, line=row.line, found=found, expected=expected)
        return None
    cells: dict[str, list[str]] = {kind: [] for kind in ("id", "name", "first", "last")}
    for index, kind in columns.items():
        if index < len(row.cells) and row.cells[index]:
            cells[kind].append(row.cells[index])
    if any(map(TEST_STUDENT.fullmatch, cells["name"])):
        return None
    if not any(cells.values()):
        found, expected = "neither an id nor a name", "at least one of them"
        issues.error("roster-row", path, line=row.line, found=found, expected=expected)
        return None
    first, last = " ".join(cells["first"]), " ".join(cells["last"])
    for name in cells["name"]:
        before, after = split_name(name)
        first, last = f"{first} {before}".strip(), f"{last} {after}".strip()
    return Person(ids=tuple(dict.fromkeys(cells["id"])), first=first, last=last)


def split_name(name: str) -> tuple[str, str]:
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
        issues.warning("roster-without-names", path)
