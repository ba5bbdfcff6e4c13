"""Moodle: the zip of "Download all submissions", with folders or flat, and team submissions.

The number after the name is that of the participant in this assignment, not of the user. A grading worksheet as roster
maps it to an id number or e-mail address.
"""

import re
from collections.abc import Sequence

from labs_schema.imports.export_files import Export
from labs_schema.imports.identities import ids
from labs_schema.imports.records import ExportFile, IdKind, PlatformExport, Work

_NAME = re.compile(
    r"(?P<name>[^_/]+)_(?P<id>\d+)_assignsubmission_(?P<plugin>file|onlinetext)(?:_?/|_)(?P<file>.+)", re.DOTALL
)


def recognizes(paths: Sequence[str]) -> bool:
    return any(_NAME.fullmatch(path) for path in paths)


def read(export: Export) -> PlatformExport:
    files: dict[str, list[tuple[str, ExportFile]]] = {}
    unused = []
    for each in export.files:
        match = _NAME.fullmatch(each.path)
        if match is None:
            unused.append(each.path)
        else:
            files.setdefault(match["id"], []).append((match["file"], each))
    works = tuple(Work(key, (ids((IdKind.PLATFORM, key)),), tuple(found)) for key, found in files.items())
    return PlatformExport(works, unused=tuple(unused))
