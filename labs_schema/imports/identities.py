"""Identifies students: by ids of the export and the roster, never by a name."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from labs_schema.hashes import canonical_hash
from labs_schema.imports.platform_tables import PlatformTable
from labs_schema.imports.records import IdKind, Ids, PlatformId, RosterEntry
from labs_schema.reading.roster import TEAM_HEADINGS, TEST_STUDENT, folded_heading, heading_kind, split_name
from labs_schema.submissions.file_names import safe_name
from labs_schema.submissions.ignored import ignored_name

# fmt: off
_LOGINS = frozenset({
    "username", "login", "loginid", "sisloginid", "netid", "uid", "userid", "user", "anmeldename", "benutzername",
    "kennung", "identifiant", "nomdutilisateur", "usuario", "nombredeusuario", "nomeutente", "nomedeusuario",
    "nomedeutilizador",
})
# fmt: on
_MAIL = ("mail", "courriel", "correo", "diposta")
_PARTICIPANT = re.compile(r"(?P<word>\D*[^\W\d]\D*?)(?P<blank>\s*)(?P<number>\d+)")
# fmt: off
_PARTICIPANT_WORDS = frozenset({
    "participant", "teilnehmer/in", "teilnehmer", "participante", "partecipante", "deelnemer", "deltagare", "deltaker",
    "deltager", "osallistuja", "uczestnik", "účastník", "résztvevő", "katılımcı", "участник", "partaidea",  # noqa: RUF001
})
# fmt: on
_TWO_TIMES = re.compile(r"(?P<what>[^()\uff08\uff09]+)[(\uff08][^()\uff08\uff09]+[)\uff09]")
"""`Last modified (submission)` and `Last modified (grade)`: in every language the same words before a bracket."""
LONGEST_FOLDER_NAME = 200


def read_roster_entries(table: PlatformTable) -> tuple[RosterEntry, ...]:
    """The students of a roster, gradebook or grading worksheet; rows without an id are left out."""
    return tuple(entry for entry in row_entries(table) if entry)


def row_entries(table: PlatformTable) -> list[RosterEntry | None]:
    """The student of each row; None for a row that is not a student."""
    keys = table.headings
    kinds = {index: kind for index, cell in enumerate(table.header) if (kind := _id_kind(cell))}
    if ("id" in keys and "sisuserid" in keys) or "sisloginid" in keys:  # Canvas: `Student` is the name, `ID` its own id
        kinds = {index: kind for index, kind in kinds.items() if keys[index] != "student"}
        kinds |= {keys.index("id"): IdKind.PLATFORM} if "id" in keys else {}
    participants = {index: False for index, key in enumerate(keys) if key == "identifier"}
    participants |= {0: True} if _lists_participants(table) else {}
    kinds = {index: kind for index, kind in kinds.items() if index not in participants}
    names = {index: heading_kind(cell) for index, cell in enumerate(table.header) if index not in kinds}
    names |= {index: "name" for index, kind in names.items() if kind == "id" and keys[index] == "student"}
    entries = [_entry(row, names, kinds, participants) for row in table.rows]
    team = next((index for index, key in enumerate(keys) if key in TEAM_HEADINGS), None)
    if team is None or not participants:
        return entries
    return [entry and replace(entry, team=row[team]) for entry, row in zip(entries, table.rows, strict=True)]


def _lists_participants(table: PlatformTable) -> bool:
    """Whether the first column has Moodle's participants.

    Student numbers such as `s5001` look alike, so the word must be known or the headings those of a worksheet.
    """
    found = [_PARTICIPANT.fullmatch(row[0]) for row in table.rows]
    times = [match["what"].strip() for cell in table.header if (match := _TWO_TIMES.fullmatch(cell.strip()))]
    same_word = len({match["word"] for match in found if match}) == 1
    return bool(found) and all(found) and ((same_word and len(set(times)) < len(times)) or all(map(_certain, found)))


def _certain(match: re.Match[str] | None) -> bool:
    """`Participant 5001`, in most languages without the space."""
    return match is not None and (bool(match["blank"]) or match["word"].casefold() in _PARTICIPANT_WORDS)


def _id_kind(heading: str) -> IdKind | None:
    """None for a heading that is not an id."""
    key = folded_heading(heading)
    if key in ("githubusername", "rosteridentifier"):
        return IdKind.PLATFORM if key == "githubusername" else IdKind.NUMBER
    if heading_kind(heading) != "id":
        return None
    if any(word in key for word in _MAIL):
        return IdKind.EMAIL
    return IdKind.LOGIN if key in _LOGINS else IdKind.NUMBER


def _entry(
    row: Sequence[str], names: Mapping[int, str | None], kinds: Mapping[int, IdKind], participants: Mapping[int, bool]
) -> RosterEntry | None:
    if any(TEST_STUDENT.fullmatch(cell) for cell in row):
        return None
    ids = [PlatformId(kind, row[index]) for index, kind in kinds.items() if row[index]]
    ids += [_participant(row[index], certain) for index, certain in participants.items() if row[index]]
    if not ids:
        return None
    first, last = (
        " ".join(row[i] for i, kind in names.items() if kind in part) for part in (("first",), ("last", "nom"))
    )
    if not last.strip():
        whole = next((row[index] for index, kind in names.items() if kind == "name" and row[index]), first)
        first, last = split_name(whole)
    return RosterEntry(_sorted_ids(ids), first.strip(), last.strip())


def _sorted_ids(ids: Iterable[PlatformId]) -> Ids:
    """The ids, each once, in the order of their kinds."""
    order = list(IdKind)
    return tuple(sorted(dict.fromkeys(ids), key=lambda each: order.index(each.kind)))


def _participant(cell: str, certain: bool) -> PlatformId:
    """The number of Moodle's participant; the cell itself if it is not certain to be one."""
    match = _PARTICIPANT.fullmatch(cell)
    if match and (certain or _certain(match)):
        return PlatformId(IdKind.PLATFORM, match["number"])
    return PlatformId(IdKind.NUMBER, cell)


@dataclass(frozen=True)
class Identity:
    """`student` is the student's id in the lab. `entries` are the matching students of the roster: normally 1."""

    student: str
    entries: tuple[RosterEntry, ...]


@dataclass(frozen=True)
class Identifier:
    """Resolves the ids of an export with a roster."""

    roster: tuple[RosterEntry, ...]

    def identity(self, ids: Ids) -> Identity:
        """The student with `ids`; the first of them stays the id if the roster has no or several such students."""
        exact = [entry for each in ids for entry in self._index.get((each.kind, folded(each.value)), ())]
        for each in ids:
            entries = self._found(each)
            if entries:
                entries = tuple(dict.fromkeys((*entries, *exact)))
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
    """`value` for comparisons: in NFC, without whitespace and case."""
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
            joined = RosterEntry(
                _sorted_ids((*same[0].ids, *entry.ids)),
                same[0].first or entry.first,
                same[0].last or entry.last,
                same[0].team or entry.team,
            )
            if same[0] in merged:
                merged[merged.index(same[0])] = joined
    return tuple(dict.fromkeys(merged))
