"""The platforms whose exports can be read, and how an export is recognised by its file names."""

import os
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from labs_schema.errors import InputError, check_known, error_issue
from labs_schema.imports.export_files import IGNORED, Export
from labs_schema.imports.readers import (
    autolab,
    blackboard,
    canvas,
    github_classroom,
    gradescope,
    moodle,
    nbgrader,
    plain_folder,
    submitty,
)
from labs_schema.imports.records import PlatformExport
from labs_schema.limits import ImportLimits

LIMITS = ImportLimits()
Recognizes = Callable[[Sequence[str]], bool]
WITHOUT_MARKS = ("github-classroom", "nbgrader")
"""Platforms whose exports may have no typical name: they are read if the user names the platform."""
WRAPPER_FOLDERS = 4
"""Folders around the export, as zip programs and platforms add them."""
MAX_PARTS = 20
"""Folders of one level that are searched; more are the students' folders."""


@dataclass(frozen=True)
class Platform:
    title: str
    recognizes: Recognizes
    read: Callable[[Export], PlatformExport]


PLATFORMS: Mapping[str, Platform] = {
    "gradescope": Platform("Gradescope", gradescope.recognizes, gradescope.read),
    "submitty": Platform("Submitty", submitty.recognizes, submitty.read),
    "nbgrader": Platform("nbgrader", nbgrader.recognizes, nbgrader.read),
    "moodle": Platform("Moodle", moodle.recognizes, moodle.read),
    "blackboard": Platform("Blackboard", blackboard.recognizes, blackboard.read),
    "autolab": Platform("Autolab", autolab.recognizes, autolab.read),
    "canvas": Platform("Canvas", canvas.recognizes, canvas.read),
    "github-classroom": Platform("GitHub Classroom", github_classroom.recognizes, github_classroom.read),
    "folder": Platform("plain folder", plain_folder.recognizes, plain_folder.read),
}
"""The order matters for recognition: Canvas's file names are the least specific."""


def read_platform(name: str, export: Export, assignment: str | None) -> PlatformExport:
    """Raises InputError if there is no such platform, or the export has no submission of it."""
    check_known("unknown-platform", "PLATFORM", name, PLATFORMS)
    platform = PLATFORMS[name]
    views = list(_views(export))
    chosen = next((view for view in views if platform.recognizes(view.paths)), None)
    if chosen is None and name in WITHOUT_MARKS:
        chosen = next((view for view in views if len(view.top_folders) > 1), export)
    read = platform.read(replace(chosen, assignment=assignment)) if chosen else None
    if read and read.works:
        return read
    other = recognized(export.paths)
    hint = (
        f"It looks like an export of {PLATFORMS[other].title}: use grader import {other}."
        if other
        else ("Pass the file as the platform exports it, or the folder with its content.")
    )
    found = f"no submission of {platform.title} among {len(export.files):,} files"
    raise InputError([error_issue("no-export", export.name, found=found, hint=hint)])


def _views(export: Export) -> Iterator[Export]:
    """The export, and the folders that may contain it, level by level: wrappers, or parts of a course's folder."""
    level = [export]
    for _ in range(WRAPPER_FOLDERS + 1):
        yield from level
        level = [view.inside(name) for view in level for name in view.top_folders]
        if len(level) > MAX_PARTS:
            return


def recognized(paths: Sequence[str]) -> str | None:
    """The platform of an export with these files, directly or in a wrapper folder; never `folder`."""
    for _ in range(WRAPPER_FOLDERS + 1):
        for name, platform in PLATFORMS.items():
            if name != "folder" and platform.recognizes(paths):
                return name
        tops = {path.split("/")[0] for path in paths}
        if len(tops) != 1:
            return None
        paths = [path.partition("/")[2] for path in paths if "/" in path]
    return None


def recognized_at(path: Path) -> str | None:
    """Like `recognized`, for a folder or zip file on disk. Only names are read, up to a limit."""
    try:
        if path.is_dir() and not path.is_symlink():
            return recognized(listed_names(path))
        if path.suffix.lower() == ".zip" and path.is_file():
            with zipfile.ZipFile(path) as archive:
                return recognized(archive.namelist()[: LIMITS.listed_names])
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return None
    return None


def listed_names(top: Path) -> list[str]:
    """The first relative paths of files in a folder, level by level; empty if it cannot be listed."""
    try:
        return list(islice(_names(top), LIMITS.listed_names))
    except OSError:
        return []


def _names(top: Path, levels: int = 3) -> Iterator[str]:
    """Relative paths of files, level by level."""
    pending = [(top, "")]
    for _ in range(levels):
        folders, pending = pending, []
        for folder, prefix in folders:
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda each: each.name):
                    if entry.name in IGNORED:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        pending.append((Path(entry.path), f"{prefix}{entry.name}/"))
                    else:
                        yield prefix + entry.name
