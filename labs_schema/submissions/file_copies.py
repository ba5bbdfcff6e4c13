"""Finds copies that a file manager or an archive made of a submission's files: `main (1).c`, `Copy of main.c`."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from labs_schema.grouping import grouped_by

_WORDS = "copy|copie|kopie|copia|c\u00f3pia"  # codespell:ignore copie
_BEFORE = re.compile(rf"^(?:{_WORDS}) (?:of|von|de|di) ", re.IGNORECASE)
_AFTER = re.compile(rf"(?: ?\(\d{{1,3}}\)|[ _-]+(?:{_WORDS})(?: ?\(?\d{{1,3}}\)?)?)$", re.IGNORECASE)
_ARCHIVE = re.compile(r"^archive\d*/")


class Copies(NamedTuple):
    """`same` have the text of another file, `versions` another text than the file whose copies they are by name."""

    same: tuple[str, ...]
    versions: tuple[str, ...]


def find_copies(texts: Mapping[str, str]) -> Copies:
    """`texts`: path -> text. The file with the shortest name counts as the original."""
    same: list[str] = []
    versions: list[str] = []
    for original, *others in grouped_by(sorted(texts, key=lambda path: (len(path), path)), _original).values():
        seen = {texts[original]}
        for path in others:
            (same if texts[path] in seen else versions).append(path)
            seen.add(texts[path])
    return Copies(tuple(sorted(same)), tuple(sorted(versions)))


def _original(path: str) -> str:
    """The path without the marks of a copy; the path itself if there are none."""
    pure = PurePosixPath(_ARCHIVE.sub("", path))
    stem = _AFTER.sub("", _BEFORE.sub("", pure.stem))
    return str(pure.with_name(stem + pure.suffix)) if stem else path
