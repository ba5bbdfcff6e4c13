"""Bytes to text by one stated rule. Knows nothing of labs.

UTF-8, its byte order mark dropped; UTF-16 only with a byte order mark; otherwise Windows-1252, with Latin-1 for the
five bytes that Windows-1252 leaves open. Line ends CR LF and CR become LF. Text with a NUL is no text.
"""

import codecs
from typing import NamedTuple


class Decoded(NamedTuple):
    """`encoding` is the name of the rule's branch; `line_ends` is true where CR LF or CR became LF."""

    text: str
    encoding: str
    line_ends: bool


def _windows_1252() -> str:
    chars = [bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) for byte in range(256)]
    return "".join(chars)


WINDOWS_1252 = _windows_1252()

MAGIC = (
    (b"\x7fELF", "an ELF program"),
    (b"\xca\xfe\xba\xbe", "a Java class file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
)


def decode(data: bytes) -> Decoded | None:
    """The text of `data`, or None where it is binary."""
    if binary_kind(data):
        return None
    text, encoding = _decode(data)
    if "\0" in text:
        return None
    if "\r" not in text:
        return Decoded(text, encoding, False)
    return Decoded(text.replace("\r\n", "\n").replace("\r", "\n"), encoding, True)


def binary_kind(head: bytes) -> str | None:
    """What kind of binary begins so, in words; None for what may be text. UTF-16 with its mark may be text."""
    for magic, kind in MAGIC:
        if head.startswith(magic):
            return kind
    if b"\0" in head and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "bytes with NULs"
    return None


def _decode(data: bytes) -> tuple[str, str]:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return data.decode("utf-16"), "UTF-16"
        except UnicodeDecodeError:
            pass
    try:
        return data.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        return codecs.charmap_decode(data, "strict", WINDOWS_1252)[0], "Windows-1252"
