"""Shingles of a program's tokens that do not change with layout, comments, names and string literals.

One regular expression instead of a lexer: it reads any file, valid or not, in time linear in its length.
"""

import re
import zlib
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from labs_schema.source.lexer import KEYWORDS

SHINGLE = 8
"""Tokens per shingle."""

IDENTIFIER = "i"

_QUOTED = r""" "(?:\\.|[^"\\\n])*"? | '(?:\\.|[^'\\\n])*'? | `(?:\\.|[^`\\])*`? """
_SLASHES = re.compile(
    rf"(?P<skip> //[^\n]* | /\*.*?(?:\*/|\Z) ) | (?P<quoted> {_QUOTED} ) | \w+ | [^\w\s]", re.S | re.X
)
_TRIPLE = r""" \"{3}.*?(?:\"{3}|\Z) | '{3}.*?(?:'{3}|\Z) """
_HASH = re.compile(rf"(?P<skip> \#[^\n]* ) | (?P<quoted> {_TRIPLE} | {_QUOTED} ) | \w+ | [^\w\s]", re.S | re.X)


def tokens(text: str, language: str) -> Iterator[str]:
    """The program's tokens without comments. All string literals are one token, and so are all names."""
    for match in (_HASH if language == "Python" else _SLASHES).finditer(text):
        kind, token = match.lastgroup, match.group()
        if kind == "quoted":
            yield token[0]
        elif kind is None:
            is_name = (token[0].isalpha() or token[0] == "_") and token not in KEYWORDS
            yield IDENTIFIER if is_name else token


def shingles(texts: Iterable[str], language: str, size: int = SHINGLE) -> npt.NDArray[np.uint32]:
    """The hashes of all runs of `size` tokens over a submission's files: a sorted set of shape (n,).

    A program with fewer tokens has one shingle, one without tokens none.
    """
    codes = [zlib.crc32(token.encode(errors="replace")) for text in texts for token in tokens(text, language)]
    if not codes:
        return np.empty(0, np.uint32)
    padded = np.array(codes + [0] * (size - len(codes)), np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)
    hashes = windows[:, 0].copy()
    for column in range(1, size):
        hashes = (hashes ^ (hashes >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15) + windows[:, column]
    return np.unique(((hashes * np.uint64(0xD6E8FEB86659FD93)) >> np.uint64(32)).astype(np.uint32))
