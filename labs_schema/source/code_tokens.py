"""Code tokens with the student's own names replaced, and the hashed n-grams of them."""

import re
from collections.abc import Sequence

import numpy as np

from labs_schema.source.lexer import KEYWORDS, lex

BUCKETS = 1 << 20
"""The number of hash values of an n-gram."""
VERSION = 1
"""Increment when the same program gives other tokens or other hashes: heads are fitted on them."""

_TOKEN = re.compile(r"\w+|==|<=|>=|!=|\+\+|--|&&|\|\||[-+*/%]=|->|::|[^\w\s]")
_NAME = "\x00"


def code_tokens(text: str, language: str) -> list[str]:
    """The tokens of a program in order, without comments.

    Keywords, names that are called (`printf(`), literals and includes stay; every other name becomes the same
    placeholder. So two students who solve a problem in the same way have the same tokens whatever their names are.
    """
    found, last = [], 0
    for span in lex(text, language):
        found += _TOKEN.findall(text, last, span.start)
        last, token = span.end, text[span.start : span.end]
        if span.kind == "name":
            called = text[span.end : span.end + 3].lstrip().startswith("(")
            found.append(token if called or token in KEYWORDS else _NAME)
        elif span.kind not in ("comment", "docstring"):
            found.append(token.strip())
    return found + _TOKEN.findall(text, last)


def ngrams(tokens: Sequence[str], longest: int) -> set[int]:
    """The hashes (0 to `BUCKETS` - 1) of all runs of 1 to `longest` tokens."""
    from zlib import crc32

    codes = np.array([crc32(token.encode(errors="replace")) for token in tokens], np.uint64)
    found: set[int] = set()
    for size in range(1, longest + 1):
        if len(codes) >= size:
            windows = np.lib.stride_tricks.sliding_window_view(codes, size)
            found.update((_hashed(windows) % np.uint64(BUCKETS)).tolist())
    return found


def _hashed(windows: np.ndarray) -> np.ndarray:
    """One 64-bit hash for each row of `windows` (n, size), mixed by multiplication and shifts."""
    hashes = np.full(len(windows), windows.shape[1], np.uint64)
    for column in windows.T:
        hashes = (hashes ^ (hashes >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15) + column
    return (hashes * np.uint64(0xD6E8FEB86659FD93)) >> np.uint64(32)
