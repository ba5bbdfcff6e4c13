"""A plain folder of submissions, as a course's own hand-in script collects them: a folder or file for each student."""

from collections.abc import Sequence

from labs_schema.imports.export_files import Export
from labs_schema.imports.identities import ids
from labs_schema.imports.records import ExportFile, IdKind, Ids, PlatformExport, Work
from labs_schema.source.languages import SOURCE_EXTENSIONS, extension
from labs_schema.submissions.file_names import UNSUPPORTED_ARCHIVES, archive_suffix
from labs_schema.submissions.ignored import ignored_name

_PARTS = frozenset("src source sources include lib test tests main app bin build docs data".split())  # noqa: SIM905
"""Folders of one program, which are not students."""
WRAPPERS = 3


def recognizes(paths: Sequence[str]) -> bool:
    """Any folder of folders with source files."""
    return any("/" in path and extension(path) in SOURCE_EXTENSIONS for path in paths)


def read(export: Export) -> PlatformExport:
    """The name of the folder, or of the archive or file without its suffix, is the student's id.

    A student whose folder is empty or unreadable has a submission without files.
    """
    export = _unwrapped(export)
    files: dict[str, list[tuple[str, ExportFile]]] = {}
    unused = []
    for each in export.files:
        name, _, path = each.path.partition("/")
        suffix = archive_suffix(name) or _suffix(name)
        if path:
            files.setdefault(name, []).append((path, each))
        elif suffix:
            files.setdefault(name[: -len(suffix)], []).append((f"submission{suffix}", each))
        else:
            unused.append(each.path)
    empty = set(export.top_folders) - set(files)
    files |= {name: [] for name in sorted(empty) if not ignored_name(name, folder=True)}
    works = tuple(Work(name, (_owner(name),), tuple(found)) for name, found in files.items())
    return PlatformExport(works, unused=tuple(unused))


def _suffix(name: str) -> str:
    """The suffix of a student's file: source code, an archive that cannot be opened, or `s1@course.pdf`."""
    found = extension(name)
    return found if found in SOURCE_EXTENSIONS | UNSUPPORTED_ARCHIVES or "@" in name.removesuffix(found) else ""


def _unwrapped(export: Export) -> Export:
    """The export inside folders that contain nothing but the students' folders or archives."""
    inside = export
    for _ in range(WRAPPERS):
        alone = len(inside.top_folders) == 1 and not any("/" not in path for path in inside.paths)
        if not alone:
            break
        inside = inside.inside(inside.top_folders[0])
    names = {*inside.top_folders, *(path for path in inside.paths if "/" not in path and archive_suffix(path))}
    loose = any("/" not in path and extension(path) in SOURCE_EXTENSIONS for path in inside.paths)
    one_program = loose or "@" in inside.name or not _PARTS.isdisjoint(name.lower() for name in names)
    return inside if len(names) > 1 and not one_program else export


def _owner(name: str) -> Ids:
    return ids((IdKind.EMAIL if "@" in name else IdKind.NUMBER, name))
