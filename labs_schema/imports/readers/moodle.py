"""Moodle: the zip of "Download all submissions", with folders or flat, and team submissions.

The number after the name is that of the participant in this assignment or of the team, not of the user. The team of
the students without a group has no number. A grading worksheet as roster maps participants to id numbers or e-mail
addresses, and teams to their members.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from labs_schema.imports.export_files import Export
from labs_schema.imports.identities import folded, ids
from labs_schema.imports.records import ExportFile, IdKind, Ids, PlatformExport, RosterEntry, Work

_OWNER = r"(?P<name>[^/]+?)(?:_(?P<id>\d+))?_assignsubmission_(?:file|onlinetext)"
_NAME = re.compile(rf"{_OWNER}(?:_?/|_)(?P<file>.+)", re.DOTALL)
_FOLDER = re.compile(rf"{_OWNER}_?", re.DOTALL)


def recognizes(paths: Sequence[str]) -> bool:
    return any(_NAME.fullmatch(path) for path in paths)


def read(export: Export) -> PlatformExport:
    files: dict[str, list[tuple[str, ExportFile]]] = {}
    labels: dict[str, str] = {}
    unused = []
    for each in export.files:
        if match := _NAME.fullmatch(each.path):
            files.setdefault(_key(match), []).append((match["file"], each))
            labels[_key(match)] = match["name"]
        else:
            unused.append(each.path)
    for match in filter(None, map(_FOLDER.fullmatch, sorted(export.folders))):  # a student whose files are missing
        files.setdefault(_key(match), [])
        labels.setdefault(_key(match), match["name"])
    works = tuple(
        Work(key, (ids((IdKind.PLATFORM, key)),) if key.isdecimal() else (), tuple(found), label=labels[key])
        for key, found in files.items()
    )
    return PlatformExport(works, unused=tuple(unused))


def _key(match: re.Match[str]) -> str:
    return match["id"] or match["name"]


def with_team_members(works: Sequence[Work], roster: Sequence[RosterEntry]) -> tuple[Work, ...]:
    """Works of teams with their members as owners: the export names only the team, the worksheet also its members.

    A work has no owner if its team is not on the worksheet, or if two teams have the same name.
    """
    teams: dict[str, list[Ids]] = {}
    for entry in roster:
        if entry.team:
            teams.setdefault(_team_key(entry.team), []).append(entry.ids)
    if not teams:
        return tuple(works)
    names = Counter(_team_key(work.label) for work in works)

    def members(work: Work) -> Work:
        key = _team_key(work.label)
        if not work.label:
            return work
        return replace(work, owners=tuple(teams.get(key, ())) if names[key] == 1 else ())

    return tuple(map(members, works))


def _team_key(name: str) -> str:
    """Moodle writes a space for `_` in the names of an export, and leaves out quotes, colons and slashes."""
    return folded("".join(char if char.isalnum() else " " if char in "_ " else "" for char in name))
