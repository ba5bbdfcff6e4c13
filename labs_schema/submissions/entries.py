"""Finds the files of one submission in a folder or an archive on disk, without reading them. Follows no link."""

from collections.abc import Iterator
from pathlib import Path

from labs_schema.collector import FaultCollector
from labs_schema.file_reader import read_bytes, scan, too_big
from labs_schema.limits import Limits
from labs_schema.submissions.archives import Entry, archive_entries
from labs_schema.submissions.file_names import archive_suffix, clean, litter


def folder_entries(top: Path, where: str, limits: Limits, faults: FaultCollector) -> Iterator[Entry]:
    """Every file under `top`, folders of litter not entered; an archive directly in `top` reads as a folder.

    `where` is what faults call `top`.
    """
    waiting = [(top, "")]
    while waiting:
        folder, prefix = waiting.pop()
        if prefix.count("/") > limits.folder_depth:
            too_big("too-deep", f"{where}/...", "nested folders", limits.folder_depth, faults)
            continue
        for found in scan(folder, f"{where}/{prefix}".rstrip("/"), faults):
            name, path = prefix + clean(found.name), Path(found.path)
            folder_here = found.is_dir(follow_symlinks=False)
            if litter(name, folder=folder_here):
                yield Entry(name, lambda _: b"")
            elif folder_here:
                waiting.append((path, name + "/"))
            elif archive_suffix(name) and not prefix:
                for entry in packed_entries(path, f"{where}/{name}", limits, faults):
                    yield Entry(f"archive/{entry.path}", entry.read)
            else:
                yield file_entry(path, name, f"{where}/{name}", faults)


def packed_entries(path: Path, where: str, limits: Limits, faults: FaultCollector) -> Iterator[Entry]:
    """The files in the archive at `path`."""
    data = read_bytes(path, where, limits.archive_bytes + 1, faults)
    if data is not None and len(data) > limits.archive_bytes:
        too_big("archive-too-big", where, "bytes", limits.archive_bytes, faults)
    elif data is not None:
        yield from archive_entries(data, where, limits, faults)


def file_entry(path: Path, name: str, where: str, faults: FaultCollector) -> Entry:
    """The file at `path`, called `name` in its submission."""
    return Entry(name, lambda most: read_bytes(path, where, most, faults))
