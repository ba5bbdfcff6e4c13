"""Moodle: the zip of "Download all submissions", with folders or flat, and team submissions.

The number after the name is that of the participant in this assignment or of the team, not of the user. A grading
worksheet as roster maps participants to id numbers or e-mail addresses, and teams to their members.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from labs_schema.imports.export_files import Export
from labs_schema.imports.identities import folded, ids
from labs_schema.imports.records import ExportFile, IdKind, Ids, PlatformExport, RosterEntry, Work

_NAME = re.compile(
    r"(?P<name>[^/]+?)_(?P<id>\d+)_assignsubmission_(?P<plugin>file|onlinetext)(?:_?/|_)(?P<file>.+)", re.DOTALL
)


def recognizes(paths: Sequence[str]) -> bool:
    return any(_NAME.fullmatch(path) for path in paths)


def read(export: Export) -> PlatformExport:
    files: dict[str, list[tuple[str, ExportFile]]] = {}
    labels: dict[str, str] = {}
    unused = []
    for each in export.files:
        match = _NAME.fullmatch(each.path)
        if match is None:
            unused.append(each.path)
        else:
            labels[match["id"]] = match["name"]
            files.setdefault(match["id"], []).append((match["file"], each))
    works = tuple(
        Work(key, (ids((IdKind.PLATFORM, key)),), tuple(found), label=labels[key]) for key, found in files.items()
    )
    return PlatformExport(works, unused=tuple(unused))


def with_team_members(works: Sequence[Work], roster: Sequence[RosterEntry]) -> tuple[Work, ...]:
    """Works of teams with their members as owners: the export names only the team, the worksheet also its members."""
    teams: dict[str, list[Ids]] = {}
    for entry in roster:
        teams.setdefault(_team_key(entry.team), []).append(entry.ids)

    def members(work: Work) -> Work:
        found = teams.get(_team_key(work.label), []) if work.label else []
        return replace(work, owners=tuple(found)) if found else work

    return tuple(map(members, works))


def _team_key(name: str) -> str:
    """Moodle writes a blank for `_` in the names of an export."""
    return folded(name.replace("_", " "))
