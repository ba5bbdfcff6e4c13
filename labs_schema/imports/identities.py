"""Identifies students: by ids of the export and the roster, never by a name."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from labs_schema.hashes import canonical_hash
from labs_schema.imports.platform_tables import PlatformTable, heading_key
from labs_schema.imports.records import IdKind, Ids, PlatformId, RosterEntry
from labs_schema.submissions.file_names import safe_name
from labs_schema.submissions.ignored import ignored_name

# fmt: off
_KINDS = {
    IdKind.NUMBER: (
        "sid", "sisuserid", "sisid", "studentid", "student", "studentnumber", "number", "idnumber", "orgdefinedid",
        "rosteridentifier", "matricola", "matrikelnummer", "idnummer", "numerodidentification", "numerodeid",
        "numerodeidentificacion", "numeroid", "numerodiidentificazione", "numerodeidentificacao",
    ),
    IdKind.LOGIN: ("username", "login", "loginid", "sisloginid", "netid", "uid", "userid", "user", "lmsuserid"),
    IdKind.EMAIL: (
        "email", "emailaddress", "mail", "emailadresse", "adressedecourriel", "courriel", "direcciondecorreo",
        "correoelectronico", "correo", "indirizzoemail", "enderecodeemail", "email1",
    ),
    IdKind.PLATFORM: ("githubusername",),
}
_NAMES = {
    "name": ("name", "fullname", "studentname", "sortablename", "nomcomplet", "nombrecompleto", "nomecompleto"),
    "first": ("firstname", "first", "givenname", "prenom", "vorname", "nombre", "nome"),
    "last": ("lastname", "last", "surname", "familyname", "nomdefamille", "nachname", "cognome",
             "apellidos", "apelido"),
}
# fmt: on
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names}
_NAME_OF = {name: part for part, names in _NAMES.items() for name in names}
_PARTICIPANT = re.compile(r"\D*[^\W\d]\D*\s(\d+)")
_NOT_STUDENTS = re.compile(r"\s*(points possible|student, test|test student)\s*", re.IGNORECASE)
LONGEST_FOLDER_NAME = 200


def read_roster_entries(table: PlatformTable) -> tuple[RosterEntry, ...]:
    """The students of a roster, gradebook or grading worksheet; rows without an id are left out."""
    return tuple(entry for entry in row_entries(table) if entry)


def row_entries(table: PlatformTable) -> list[RosterEntry | None]:
    """The student of each row; None for a row that is no student."""
    keys = [heading_key(cell) for cell in table.header]
    kinds = {index: kind for index, key in enumerate(keys) if (kind := _KIND_OF.get(key))}
    if ("id" in keys and "sisuserid" in keys) or "sisloginid" in keys:  # Canvas: `Student` is the name, `ID` its own id
        kinds = {index: kind for index, kind in kinds.items() if keys[index] != "student"}
        kinds |= {keys.index("id"): IdKind.PLATFORM} if "id" in keys else {}
    elif "id" in keys:
        kinds[keys.index("id")] = IdKind.NUMBER
    participants = {index for index, key in enumerate(keys) if key.startswith("ident") or key == "id"}
    if table.rows and all(_PARTICIPANT.fullmatch(row[0]) for row in table.rows):
        participants.add(0)
    return [_entry(row, keys, kinds, participants) for row in table.rows]


def _entry(
    row: Sequence[str], keys: Sequence[str], kinds: dict[int, IdKind], participants: set[int]
) -> RosterEntry | None:
    if any(_NOT_STUDENTS.fullmatch(cell) for cell in row):
        return None
    ids = [PlatformId(kind, row[index]) for index, kind in kinds.items() if row[index]]
    for index in participants - set(kinds):
        number = _PARTICIPANT.fullmatch(row[index])  # Moodle: `Participant 5001`, in any language
        kind = IdKind.PLATFORM if number else IdKind.NUMBER
        ids += [PlatformId(kind, number[1] if number else row[index])] if row[index] else []
    order = list(IdKind)
    names = {"first": "", "last": "", "name": ""}
    for key, cell in zip(keys, row, strict=True):
        part = _NAME_OF.get(key) or ("name" if key == "student" and IdKind.PLATFORM in kinds.values() else None)
        if part and not names[part]:
            names[part] = cell
    if names["name"] and not (names["first"] or names["last"]):
        names["last"], comma, names["first"] = names["name"].partition(", ")
        if not comma:
            names["first"], _, names["last"] = names["name"].rpartition(" ")
    if not ids:
        return None
    return RosterEntry(tuple(sorted(ids, key=lambda each: order.index(each.kind))), names["first"], names["last"])


@dataclass(frozen=True)
class Identity:
    """`student` is the student's id in the lab. `entries` are the matching students of the roster: 1 if all is well."""

    student: str
    entries: tuple[RosterEntry, ...]


@dataclass(frozen=True)
class Identifier:
    """Resolves the ids of an export with a roster."""

    roster: tuple[RosterEntry, ...]

    def identity(self, ids: Ids) -> Identity:
        """The student with `ids`; the first of them stays the id if the roster has no or several such students."""
        for each in ids:
            entries = self._found(each)
            if len(entries) == 1:
                return Identity(folder_name(entries[0].ids[0].value), entries)
            if entries:
                return Identity(folder_name(each.value), entries)
        return Identity(folder_name(ids[0].value), ())

    def _found(self, wanted: PlatformId) -> tuple[RosterEntry, ...]:
        kind, value = wanted
        kinds = (kind,) if kind in self._kinds else (IdKind.NUMBER, IdKind.LOGIN)
        return tuple(dict.fromkeys(e for each in kinds for e in self._index.get((each, folded(value)), ())))

    @cached_property
    def _kinds(self) -> frozenset[IdKind]:
        return frozenset(each.kind for entry in self.roster for each in entry.ids)

    @cached_property
    def _index(self) -> dict[tuple[IdKind, str], list[RosterEntry]]:
        index: dict[tuple[IdKind, str], list[RosterEntry]] = {}
        for entry in self.roster:
            for kind, value in entry.ids:
                index.setdefault((kind, folded(value)), []).append(entry)
        return index


def folded(value: str) -> str:
    """For comparison: NFC, white space and case ignored."""
    return " ".join(unicodedata.normalize("NFC", value).casefold().split())


def folder_name(value: str) -> str:
    """The id as the name of a submission's folder. An unusable id becomes a similar one with a hash of the original.

    Unusable: empty, with `/` or control characters, too long, or a name that readers skip, such as `.git`.
    """
    value = unicodedata.normalize("NFC", value.strip())
    usable = (
        value == safe_name(value)
        and "/" not in value
        and value.split("@", 1)[0].strip()
        and not ignored_name(value, folder=True)
    )
    if usable and len(value.encode()) <= LONGEST_FOLDER_NAME:
        return value
    plain = re.sub(r"[^\w.-]", "_", safe_name(value))[:40].strip("._~#")
    return f"{plain or 'student'}-{canonical_hash(value)[:8]}"


def ids(*candidates: tuple[IdKind, str]) -> Ids:
    """The non-empty ones."""
    return tuple(PlatformId(kind, value.strip()) for kind, value in candidates if value.strip())


def shared_start(names: Sequence[str]) -> str:
    """The longest start that all names have in common; empty if there is no name."""
    first, last = min(names, default=""), max(names, default="")
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length]


def merged_rosters(rosters: Iterable[Sequence[RosterEntry]]) -> tuple[RosterEntry, ...]:
    """One entry for each student of several rosters: entries with a common id are joined."""
    merged: list[RosterEntry] = []
    for roster in rosters:
        known = Identifier(tuple(merged))
        for entry in roster:
            same = [e for each in entry.ids for e in known._index.get((each.kind, folded(each.value)), ())]
            if len(set(same)) != 1:
                merged.append(entry)
                continue
            every = tuple(dict.fromkeys((*same[0].ids, *entry.ids)))
            order = list(IdKind)
            joined = RosterEntry(
                tuple(sorted(every, key=lambda each: order.index(each.kind))),
                same[0].first or entry.first,
                same[0].last or entry.last,
            )
            if same[0] in merged:
                merged[merged.index(same[0])] = joined
    return tuple(dict.fromkeys(merged))
