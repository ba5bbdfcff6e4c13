"""File names of submissions: sanitizing, path traversal checks, junk files."""

import os
import re

from labs_schema.file_reader import decode
from labs_schema.source.languages import extension

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
UNSUPPORTED_ARCHIVES = frozenset({".rar", ".7z", ".gz", ".bz2", ".xz", ".zst", ".lzma", ".z"})

JUNK_NAMES = frozenset({"__macosx", "node_modules", "__pycache__", "thumbs.db", "desktop.ini"})
# fmt: off
JUNK_EXTENSIONS = frozenset({
    ".o", ".obj", ".a", ".lib", ".so", ".dll", ".dylib", ".exe", ".out", ".class", ".jar", ".war", ".pyc", ".pyo",
    ".pdb", ".gch", ".d", ".swp", ".swo", ".bak", ".tmp", ".orig", ".rej", ".log", ".iml", ".suo", ".dsym", ".ctxt",
})
BINARY_EXTENSIONS = frozenset({
    ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".ico", ".webp", ".tif", ".tiff", ".svg", ".pdf", ".doc", ".docx", ".odt",
    ".rtf", ".ppt", ".pptx", ".xls", ".xlsx", ".mp3", ".mp4", ".wav", ".avi", ".mov", ".ttf", ".bin", ".dat", ".db",
})
# fmt: on

_DRIVE = re.compile(r"^[A-Za-z]:")


def safe_name(name: str) -> str:
    """`name` with bytes decoded as in `file_reader`, and control characters and `\\` replaced by `_`."""
    try:
        name.encode()
    except UnicodeEncodeError:
        decoded = decode(os.fsencode(name))
        name = decoded.text if decoded else ascii(name)
    return "".join("_" if char == "\\" or not char.isprintable() else char for char in name)


def safe_member_path(path: str) -> str | None:
    """The sanitized relative path of an archive member; None if it is absolute, has a drive letter or contains `..`."""
    path = path.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or _DRIVE.match(path) or ".." in parts or not parts:
        return None
    return "/".join(map(safe_name, parts))


def junk_part(path: str, *, folder: bool = False) -> str | None:
    """The part of `path` up to the first name that editors, compilers or systems leave behind; None if there is none.

    In a `folder` the extension is ignored: `s1@uni.so` is a student's folder, not a library.
    """
    parts = path.split("/")
    for depth, part in enumerate(parts, start=1):
        name = part.lower()
        if name in JUNK_NAMES or name.startswith((".", "~$")) or name.endswith("~") or (name[:1] + name[-1:] == "##"):
            return "/".join(parts[:depth])
    return path if extension(path) in JUNK_EXTENSIONS and not folder else None


def archive_suffix(name: str) -> str | None:
    """The longest matching suffix of a supported archive type, or None."""
    fits = [suffix for suffix in ARCHIVE_SUFFIXES if name.lower().endswith(suffix)]
    return max(fits, key=len, default=None)
