"""File names of submissions: sanitizing, path traversal checks, archives and hidden extensions."""

import os
import re
import unicodedata

from labs_schema.files.decoding import decode
from labs_schema.source.languages import SOURCE_EXTENSIONS, extension

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
UNSUPPORTED_ARCHIVES = frozenset({".rar", ".7z", ".gz", ".bz2", ".xz", ".zst", ".lzma", ".z"})
# fmt: off
BINARY_EXTENSIONS = frozenset({
    ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".ico", ".webp", ".tif", ".tiff", ".svg", ".pdf", ".doc", ".docx", ".odt",
    ".rtf", ".ppt", ".pptx", ".xls", ".xlsx", ".mp3", ".mp4", ".wav", ".avi", ".mov", ".ttf", ".bin", ".dat", ".db",
    ".mlx", ".mat", ".rdata",
})
# fmt: on
APPENDED_EXTENSIONS = (".txt", ".text", ".doc", ".docx", ".rtf")
"""Extensions that a system or a mail program appends to a source file, often unseen by the student: `main.c.txt`."""

_DRIVE = re.compile(r"^[A-Za-z]:")
_FAKE_PATH = re.compile(r"^[A-Za-z]:[\\/]fakepath[\\/]", re.IGNORECASE)


def safe_name(name: str) -> str:
    """`name` in NFC, with bytes decoded as in `decoding`, and control characters and `\\` replaced by `_`."""
    try:
        name.encode()
    except UnicodeEncodeError:
        decoded = decode(os.fsencode(name))
        name = decoded.text if decoded else ascii(name)
    name = unicodedata.normalize("NFC", name)
    return "".join("_" if char == "\\" or not char.isprintable() else char for char in name)


def safe_member_path(path: str) -> str | None:
    """The sanitized relative path of a file in a folder, archive or request.

    `.\\src\\main.c` and `./src/main.c` are `src/main.c`; the `C:\\fakepath\\` of a browser is removed. None if the path
    is absolute, has a drive letter or contains `..`.
    """
    path = _FAKE_PATH.sub("", path).replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or _DRIVE.match(path) or ".." in parts or not parts:
        return None
    return "/".join(map(safe_name, parts))


def without_appended_extension(path: str) -> str | None:
    """`src/main.c` for `src/main.c.txt`; None for other paths."""
    stem = path[: -len(extension(path))] if extension(path) in APPENDED_EXTENSIONS else ""
    return stem if extension(stem) in SOURCE_EXTENSIONS else None


def archive_suffix(name: str) -> str | None:
    """The longest matching suffix of a supported archive type, or None."""
    fits = [suffix for suffix in ARCHIVE_SUFFIXES if name.lower().endswith(suffix)]
    return max(fits, key=len, default=None)
