"""Submitty: a gradeable's folder of `submissions/`, with `user/version/` and each user's active version."""

import json
from collections.abc import Mapping, Sequence

from labs_schema.errors import InputError, error_issue
from labs_schema.imports.export_files import Export
from labs_schema.imports.identities import ids
from labs_schema.imports.records import ExportFile, IdKind, PlatformExport, Work
from labs_schema.submissions.ignored import ignored_name

SETTINGS = "user_assignment_settings.json"


def recognizes(paths: Sequence[str]) -> bool:
    return any(path.count("/") in (1, 2) and path.endswith(f"/{SETTINGS}") for path in paths)


def read(export: Export) -> PlatformExport:
    """Raises InputError if the export has several gradeables and its `assignment` names none of them."""
    export = choose_gradeable(export, export.assignment)
    versions: dict[str, dict[int, list[tuple[str, ExportFile]]]] = {}
    settings: dict[str, ExportFile] = {}
    unused = []
    for each in export.files:
        user, _, rest = each.path.partition("/")
        version, _, path = rest.partition("/")
        if rest == SETTINGS:
            settings[user] = each
            versions.setdefault(user, {})
        elif path and version.isdecimal() and len(version) < 10:
            versions.setdefault(user, {}).setdefault(int(version), []).append((path, each))
        else:
            unused.append(each.path)
    for user in export.top_folders:  # a student without settings and without files
        if not ignored_name(user, folder=True):
            versions.setdefault(user, {})
    works = (_work(user, found, _active(export, settings.get(user))) for user, found in versions.items())
    return PlatformExport(tuple(works), unused=tuple(unused))


def choose_gradeable(export: Export, assignment: str | None) -> Export:
    """The files of one gradeable; the export itself if it is one: a student's file may have the name of the settings.

    Raises InputError if there are several gradeables and `assignment` names none of them.
    """
    settings = [path.split("/") for path in export.paths if path.endswith(f"/{SETTINGS}")]
    names = sorted({parts[0] for parts in settings if len(parts) == 3})
    if not names or any(len(parts) == 2 for parts in settings):
        return export
    chosen = assignment if assignment in names else names[0] if len(names) == 1 and assignment is None else None
    if chosen is None:
        raise InputError([error_issue("several-assignments", export.name, found=", ".join(names[:20]))])
    return export.inside(chosen)


def _work(user: str, versions: Mapping[int, list[tuple[str, ExportFile]]], active: int | None) -> Work:
    """Without settings, the highest version; version 0 is a cancelled submission, which has no files."""
    version = max(versions, default=0) if active is None else active
    return Work(user, (ids((IdKind.LOGIN, user)),), tuple(versions.get(version, ())), attempt=version)


def _active(export: Export, file: ExportFile | None) -> int | None:
    text = export.text(file) if file else None
    try:
        found = json.loads(text) if text else None
    except (ValueError, RecursionError):
        found = None
    active = found.get("active_version") if isinstance(found, dict) else None
    return active if isinstance(active, int) and not isinstance(active, bool) else None
