"""Autolab: the zip of "Download All Submissions", with files `email_version_name`. The latest version counts."""

import re
from collections.abc import Sequence

from labs_schema.imports.export_files import Export
from labs_schema.imports.identities import ids
from labs_schema.imports.records import ExportFile, IdKind, PlatformExport, Work

_NAME = re.compile(r"(?P<email>[^/]+?@[A-Za-z0-9.-]+)_(?P<version>\d+)_(?P<file>[^/]+)", re.DOTALL)


def _match(path: str) -> re.Match[str] | None:
    return _NAME.fullmatch(path.split("/")[-1])


def recognizes(paths: Sequence[str]) -> bool:
    return any(_match(path) for path in paths if path.count("/") <= 1)


def read(export: Export) -> PlatformExport:
    files: dict[tuple[str, int], list[tuple[str, ExportFile]]] = {}
    unused = []
    for each in export.files:
        match = _match(each.path)
        if match is None or len(match["version"]) > 9:
            unused.append(each.path)
        else:
            files.setdefault((match["email"], int(match["version"])), []).append((match["file"], each))
    works = tuple(
        Work(f"{email} version {version}", (ids((IdKind.EMAIL, email)),), tuple(found), attempt=version)
        for (email, version), found in files.items()
    )
    return PlatformExport(works, unused=tuple(unused))
