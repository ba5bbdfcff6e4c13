"""Decodes text files of unknown encoding by one fixed rule, the same for labs, archives and uploads.

In this order: byte order mark; UTF-16 and UTF-32 without one, by their NUL bytes; UTF-8; UTF-8 with a few damaged
bytes; the encoding that the file declares (PEP 263); the lab's `encoding.txt`; Windows-1252, MacRoman or DOS where only
one of them gives words; detection by chardet; Windows-1252. NUL and Ctrl-Z at the end are padding. CR LF and CR become
LF. Text with another NUL is binary.
"""

import codecs
import re
from encodings.aliases import aliases
from typing import NamedTuple

import chardet


class DecodedText(NamedTuple):
    """`encoding` is the encoding that was used; `line_ends` is true if CR LF or CR were replaced by LF."""

    text: str
    encoding: str
    line_ends: bool


BOMS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
ZIP_START = b"PK\x03\x04"
MAGIC = (
    (b"\x7fELF", "an ELF program"),
    (b"MZ\x90\0", "a Windows program"),
    (b"\xca\xfe\xba\xbe", "a Java class file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF-", "a PDF document"),
    (ZIP_START, "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\xd0\xcf\x11\xe0", "a Word or other Office document"),
    (b"{\\rtf", "a rich text document"),
)
_NOT_TEXT = "base64_codec bz2_codec hex_codec quopri_codec rot_13 uu_codec zlib_codec mbcs utf_7 idna punycode"
_ENCODINGS = frozenset(aliases.values()) - frozenset(_NOT_TEXT.split())
_DECLARED = re.compile(rb"^[^\n]{0,200}?coding[:=][ \t]*([-\w.]{1,40})")
_PADDING = b"\0\x1a"
_SAMPLE_BYTES = 4096
_FEW = 4
_IN_WORD = re.compile(rb"(?<=[A-Za-z])[\x80-\xff](?![\x80-\xff])|(?<![\x80-\xff])[\x80-\xff](?=[A-Za-z])")
_PUNCTUATION = b"\x80\x85\x91\x92\x93\x94\x96\x97\xa0"
"""The euro sign, quotes and dashes of Windows-1252, which are in texts of any language."""
_NOT_WESTERN = frozenset(b"\xf0\xfd\xfe" + bytes(range(0x80, 0xA0))) - frozenset(b"\x8c\x9c")
"""Bytes that Western European words do not have in Windows-1252, such as the Turkish letters of Windows-1254."""


_WORD = re.compile(r"(?:[A-Za-z]|[^\x00-\x7f])+")
_WESTERN = frozenset("àáâãäåæçèéêëìíîïñòóôõöøùúûüÿßÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜœŒ")
_ACCENTS = {
    "mac_roman": _WESTERN,
    "cp850": _WESTERN,
    "cp1250": frozenset(char for char in bytes(range(0x80, 0x100)).decode("cp1250", errors="ignore") if char.isalpha()),
}
"""Encoding -> the letters of its words. The last one is a rival: its `š` is `ö` in MacRoman."""


def _windows_1252() -> str:
    chars = [bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) for byte in range(256)]
    return "".join(chars)


WINDOWS_1252 = _windows_1252()
"""With Latin-1 for the five bytes that Windows-1252 leaves undefined, so that every text can be decoded."""


def decode(data: bytes, lab_encoding: str | None = None) -> DecodedText | None:
    """The text of `data`, or None if it is binary. `lab_encoding`: the one in the lab's `encoding.txt`."""
    if binary_kind(data):
        return None
    text, encoding = _decode(data, lab_encoding)
    text = text.removeprefix("\ufeff").rstrip("\0\x1a")
    if "\0" in text:
        return None
    if "\r" not in text:
        return DecodedText(text, encoding, False)
    return DecodedText(text.replace("\r\n", "\n").replace("\r", "\n"), encoding, True)


def binary_kind(head: bytes) -> str | None:
    """A description of the binary format that starts with `head`; None if it may be text."""
    if kind := binary_format(head):
        return kind
    if b"\0" not in head.rstrip(_PADDING) or head.startswith(tuple(mark for mark, _ in BOMS)) or _wide(head):
        return None
    return "binary data (NUL bytes)"


def binary_format(head: bytes) -> str | None:
    """A description of the file format that starts with `head`, if it is a known one."""
    return next((kind for magic, kind in MAGIC if head.startswith(magic)), None)


def known_encoding(name: str) -> str | None:
    """Python's name of a text encoding; None if there is no such encoding."""
    try:
        found = codecs.lookup(name.strip()).name.replace("-", "_")
    except (LookupError, ValueError):
        return None
    return found if found in _ENCODINGS or found.removesuffix("_sig") in _ENCODINGS else None


def _decode(data: bytes, lab_encoding: str | None) -> tuple[str, str]:
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), encoding
    if wide := _wide(data):
        return data.decode(wide, errors="replace"), wide
    declared = _declared(data)
    if data.isascii():
        escaped = declared if declared and declared.startswith(("iso2022", "hz")) else None
        return _as(data, escaped) or (data.decode("ascii"), "UTF-8")
    return (
        _as(data, "utf-8-sig", "UTF-8")
        or _damaged_utf_8(data)
        or _as(data, declared)
        or _as(data, lab_encoding)
        or _as(data, _detected(data))
        or (codecs.charmap_decode(data, "strict", WINDOWS_1252)[0], "Windows-1252")
    )


def _as(data: bytes, encoding: str | None, shown: str | None = None) -> tuple[str, str] | None:
    try:
        return (data.decode(encoding), shown or encoding) if encoding else None
    except (UnicodeError, ValueError):
        return None


def _wide(data: bytes) -> str | None:
    """UTF-16 or UTF-32 without a byte order mark: the high bytes of Latin text are NUL."""
    sample = data[: _SAMPLE_BYTES // 4 * 4]
    if len(sample) < 8 or b"\0" not in sample:
        return None
    zeros = [sample[start::4].count(0) * 4 / len(sample) for start in range(4)]
    layouts = {
        "UTF-32-LE": (0, 9, 1, 1),
        "UTF-32-BE": (1, 1, 9, 0),
        "UTF-16-LE": (0, 1, 0, 1),
        "UTF-16-BE": (1, 0, 1, 0),
    }
    for encoding, layout in layouts.items():
        if all(
            share >= 0.7 if want == 1 else share <= 0.1 for share, want in zip(zeros, layout, strict=True) if want < 9
        ):
            return encoding
    return None


def _damaged_utf_8(data: bytes) -> tuple[str, str] | None:
    """UTF-8 in which most characters outside of ASCII are intact; the others become U+FFFD."""
    text = data.decode("utf-8-sig", errors="replace")
    damaged = text.count("\ufffd")
    intact = sum(char > "\x7f" for char in text) - damaged
    return (text, "UTF-8 with damaged characters") if intact >= damaged else None


def _declared(data: bytes) -> str | None:
    """The encoding in a comment of the first two lines, such as `# -*- coding: koi8-r -*-` (PEP 263)."""
    for line in data.split(b"\n", 2)[:2]:
        if match := _DECLARED.match(line):
            return known_encoding(match[1].decode("ascii"))
    return None


def _dos_or_mac(lines: bytes) -> str | None:
    """MacRoman or DOS, whose accents have other bytes than those of Windows; None unless only one of them gives words.

    Chardet needs more text: it reads `Tr\\x8fs` as Baltic.
    """
    fitting = [encoding for encoding, letters in _ACCENTS.items() if _gives_words(lines, encoding, letters)]
    return fitting[0] if len(fitting) == 1 and fitting[0] != "cp1250" else None


def _gives_words(lines: bytes, encoding: str, letters: frozenset[str]) -> bool:
    """Whether every word with an accent is in lower case, in capitals or capitalised, and at most half of its letters
    are accented."""
    words = [word for word in _WORD.findall(lines.decode(encoding, errors="replace")) if not word.isascii()]
    return bool(words) and all(_is_word(word, {char for char in word if char > "\x7f"}, letters) for word in words)


def _is_word(word: str, accented: set[str], letters: frozenset[str]) -> bool:
    cased = word.islower() or word.isupper() or word.istitle()
    return cased and accented <= letters and sum(map(word.count, accented)) * 2 <= max(len(word), 2)


def _detected(data: bytes) -> str | None:
    """The encoding by the lines that are not ASCII; None for Western European text, and if it cannot be detected."""
    lines = b"\n".join(line for line in data.splitlines() if not line.isascii())[:_SAMPLE_BYTES]
    plain = lines.translate(None, _PUNCTUATION)
    if _gives_words(plain, "cp1252", _WESTERN):
        return None
    if old := _dos_or_mac(plain):
        return old
    high = sum(byte > 0x7F for byte in plain)
    in_word = b"".join(_IN_WORD.findall(plain))
    letters = in_word.decode("cp1252", errors="replace").isalpha() and _NOT_WESTERN.isdisjoint(in_word)
    if (letters and len(in_word) * 2 >= high) or (high < _FEW and not in_word):
        return None
    found = chardet.detect(lines)["encoding"]
    return known_encoding(found) if found else None
