"""Recognises files that are never a student's work: generated, installed, or left behind by tools (`ignored.yaml`)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import translate
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from labs_schema.source.languages import family

HIDDEN = "a hidden file or folder"
SOURCE_FOLDERS = frozenset({"src", "source", "sources"})
"""Below these, names such as build/ are packages of the program."""


class Ignored(NamedTuple):
    """`part` is the topmost file or folder that is ignored, `kind` the reason in words."""

    part: str
    kind: str


class _Patterns(NamedTuple):
    folders: re.Pattern[str]
    files: re.Pattern[str]
    ambiguous: re.Pattern[str]
    kinds: tuple[str, ...]
    markers: Mapping[str, str]


@cache
def _patterns() -> _Patterns:
    listed: dict[str, Any] = yaml.safe_load(files("labs_schema.submissions").joinpath("ignored.yaml").read_bytes())
    kinds = tuple(dict.fromkeys(kind for group in ("folders", "files", "ambiguous") for kind in listed[group]))

    def compiled(group: str) -> re.Pattern[str]:
        names = ((kinds.index(kind), "|".join(map(translate, names))) for kind, names in listed[group].items())
        return re.compile("|".join(f"(?P<k{number}>{pattern})" for number, pattern in names))

    return _Patterns(compiled("folders"), compiled("files"), compiled("ambiguous"), kinds, listed["markers"])


def ignored_name(name: str, *, folder: bool) -> str | None:
    """The kind of an ignored file or folder, by its name alone; None if it may be a student's work."""
    if name.startswith("."):
        return HIDDEN
    patterns = _patterns()
    match = (patterns.folders if folder else patterns.files).match(name.lower())
    return _kind(match, patterns)


def marked_folder(names: Iterable[str]) -> str | None:
    """The kind of a folder with these entries if one of them marks it as generated or installed."""
    entries = {name.lower() for name in names}
    if "cmakelists.txt" in entries:  # CMake was run in the source folder
        entries.discard("cmakecache.txt")
    return next((kind for marker, kind in _patterns().markers.items() if marker in entries), None)


def ignored_paths(paths: Sequence[str]) -> dict[str, Ignored]:
    """The ignored ones among the paths of a submission's files, by names and by marker files."""
    folders: dict[str, Ignored | None] = {"": None}
    entries: dict[str, list[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        entries.setdefault(folder, []).append(name)

    def of_folder(folder: str) -> Ignored | None:
        if folder not in folders:
            parent, _, name = folder.rpartition("/")
            kind = ignored_name(name, folder=True) or marked_folder(entries.get(folder, ()))
            folders[folder] = of_folder(parent) or (Ignored(f"{folder}/", kind) if kind else None)
        return folders[folder]

    found: dict[str, Ignored] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if part := of_folder(folder):
            found[path] = part
        elif kind := ignored_name(name, folder=False):
            found[path] = Ignored(path, kind)
    return found


def ambiguous_paths(paths: Sequence[str]) -> dict[str, Ignored]:
    """Source files in folders such as build/ that are build output because the same language is used elsewhere."""
    parts = {path: _ambiguous_part(path) for path in paths}
    elsewhere = {family(path) for path, part in parts.items() if part is None}
    return {path: part for path, part in parts.items() if part and family(path) in elsewhere}


def _ambiguous_part(path: str) -> Ignored | None:
    patterns, parts = _patterns(), path.split("/")
    for depth, part in enumerate(parts[:-1], start=1):
        if part.lower() in SOURCE_FOLDERS:
            return None
        if kind := _kind(patterns.ambiguous.match(part.lower()), patterns):
            return Ignored("/".join(parts[:depth]) + "/", kind)
    return None


def _kind(match: re.Match[str] | None, patterns: _Patterns) -> str | None:
    return patterns.kinds[int(str(match.lastgroup)[1:])] if match else None
