"""A plain folder of submissions, as a course's own hand-in script collects them: a folder or file for each student."""

from collections.abc import Sequence

from labs_schema.imports.export_files import Export
from labs_schema.imports.identities import ids
from labs_schema.imports.records import ExportFile, IdKind, Ids, PlatformExport, Work
from labs_schema.source.languages import SOURCE_EXTENSIONS, extension
from labs_schema.submissions.file_names import archive_suffix


def recognizes(paths: Sequence[str]) -> bool:
    """Any folder of folders with source files."""
    return any("/" in path and extension(path) in SOURCE_EXTENSIONS for path in paths)


def read(export: Export) -> PlatformExport:
    """The name of the folder, or of the archive or file without its suffix, is the student's id."""
    files: dict[str, list[tuple[str, ExportFile]]] = {}
    unused = []
    for each in export.files:
        name, _, path = each.path.partition("/")
        suffix = archive_suffix(name) or (extension(name) if extension(name) in SOURCE_EXTENSIONS else "")
        if path:
            files.setdefault(name, []).append((path, each))
        elif suffix:
            files.setdefault(name[: -len(suffix)], []).append((f"submission{suffix}", each))
        else:
            unused.append(each.path)
    works = tuple(Work(name, (_owner(name),), tuple(found)) for name, found in files.items())
    return PlatformExport(works, unused=tuple(unused))


def _owner(name: str) -> Ids:
    return ids((IdKind.EMAIL if "@" in name else IdKind.NUMBER, name))
