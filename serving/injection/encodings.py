"""Decodes text hidden in other text: base64, hex, numbers, escapes.

Programs contain such data for good reasons, so only payloads that decode to legible text are returned.
"""

import base64
import html
import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_CHARS = 20_000
"""Characters of a payload that are decoded: a longer one is data."""

_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]{4}){3,}[A-Za-z0-9+/_-]{0,3}={0,2}")
_BASE32 = re.compile(r"(?<![A-Z2-7])[A-Z2-7]{16,}={0,6}")
_HEX = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{12,}(?![0-9A-Fa-f])")
_BYTES = re.compile(r"(?<![\w])(?:0x|\\x)?[0-9A-Fa-f]{2}(?:[ ,:;]{0,3}(?:0x|\\x|(?<=[ ,:;]))[0-9A-Fa-f]{2}){5,}")
_NUMBERS = re.compile(r"(?<![\w.])\d{2,3}(?:[ ,;:]{1,3}\d{2,3}){5,}(?![\w.])")
_BITS = re.compile(r"(?<!\d)[01]{8}(?: ?[01]{8}){5,}(?!\d)")
_ESCAPES = re.compile(r"(?:\\(?:x[0-9A-Fa-f]{2}|u\{?[0-9A-Fa-f]{4}\}?|[0-7]{3})\s?){3,}")
_PERCENT = re.compile(r"(?:[\w.~-]{0,40}%[0-9A-Fa-f]{2}){3,}[\w.~-]{0,40}")
_ENTITIES = re.compile(r"(?:&\#x?[0-9A-Fa-f]{2,6};){3,}")
_PAIR = re.compile(r"[0-9A-Fa-f]{2}")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u\{?([0-9A-Fa-f]{4})\}?|([0-7]{3}))")


class Payload(NamedTuple):
    offset: int
    text: str


def decoded_texts(text: str) -> Iterator[Payload]:
    """The legible payloads in `text`."""
    for pattern, decode in _CODES:
        for match in pattern.finditer(text):
            try:
                decoded = _legible(decode(match.group()[:MAX_CHARS]))
            except ValueError:  # only looked like this encoding
                continue
            if decoded:
                yield Payload(match.start(), decoded)


def unescaped(text: str) -> str:
    """`text` with numeric escapes replaced by their characters."""
    return _ESCAPE.sub(lambda m: chr(int(m[1] or m[2] or m[3], 8 if m[3] else 16)), text)


def _base64(run: str) -> bytes:
    run = run.rstrip("=").replace("+", "-").replace("/", "_")
    whole, rest = run[: len(run) // 4 * 4], run[len(run) // 4 * 4 :]
    return base64.urlsafe_b64decode(whole + (f"{rest:=<4}" if len(rest) > 1 else ""))


def _base32(run: str) -> bytes:
    run = run.rstrip("=")
    return base64.b32decode(run[: len(run) // 8 * 8])


def _hex(run: str) -> bytes:
    return bytes.fromhex(run[: len(run) // 2 * 2])


def _hex_bytes(run: str) -> bytes:
    return bytes.fromhex("".join(_PAIR.findall(run.replace("0x", " ").replace("\\x", " "))))


def _numbers(run: str) -> bytes:
    return bytes(number for number in map(int, re.findall(r"\d+", run)) if number < 256)


def _bits(run: str) -> bytes:
    run = run.replace(" ", "")
    return bytes(int(run[i : i + 8], 2) for i in range(0, len(run) - 7, 8))


def _percent(run: str) -> bytes:
    return re.sub(r"%([0-9A-Fa-f]{2})", lambda m: chr(int(m[1], 16)), run).encode("latin-1", "ignore")


_CODES = (
    (_BASE64, _base64),
    (_BASE32, _base32),
    (_HEX, _hex),
    (_BYTES, _hex_bytes),
    (_NUMBERS, _numbers),
    (_BITS, _bits),
    (_ESCAPES, lambda run: unescaped(run).encode("utf-8", "ignore")),
    (_PERCENT, _percent),
    (_ENTITIES, lambda run: html.unescape(run).encode("utf-8", "ignore")),
)


def _legible(data: bytes) -> str:
    text = data.decode("utf-8", "ignore")
    letters = sum(char.isalpha() or char in " '.,!:_" for char in text)
    return text if len(text) >= 6 and len(text.encode()) >= 0.9 * len(data) and letters >= 0.8 * len(text) else ""
