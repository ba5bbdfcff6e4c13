"""Converts programs to sets of shingles.

`tokens` ignores what copies usually change: layout, comments, names, literals. `behaviour_tokens` ignores only what
does not change what a program does.
"""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from labs_schema.source.keywords import is_keyword
from labs_schema.source.lexer import lex

SHINGLE = 8
"""Tokens of a shingle."""

IDENTIFIER = "i"
_TOKEN = re.compile(r'"[^"\n]*+"?|\w+|[^\w\s]')
_QUOTE = re.compile("[\"'`]")
_CALL = re.compile(r"\s*\(")


def tokens(text: str, language: str) -> Iterator[str]:
    """The program's tokens, without comments; every literal is its quote character, every identifier `IDENTIFIER`."""
    last = 0
    for span in lex(text, language):
        yield from _TOKEN.findall(text, last, span.start)
        last = span.end
        token = text[span.start : span.end]
        if span.kind == "name":
            yield _abstract(token, language)
        elif span.kind == "include":
            yield from (_abstract(part, language) for part in _TOKEN.findall(token))
        elif span.kind != "comment" and (quote := _QUOTE.search(token)):
            yield quote.group()
    yield from _TOKEN.findall(text, last)


def _abstract(token: str, language: str) -> str:
    if is_keyword(token, language):
        return token
    return IDENTIFIER if token[0].isalpha() or token[0] == "_" else token[0] if token[0] == '"' else token


def behaviour_tokens(text: str, language: str) -> Iterator[str]:
    """The program's tokens, without comments, with variables numbered in the order in which they first occur.

    Literals stay, and so do the names of functions and members: a program that calls `ceil` is not one that calls
    `floor`.
    """
    numbers: dict[str, str] = {}
    last = 0
    for span in lex(text, language):
        between = text[last : span.start]
        yield from _TOKEN.findall(between)
        last, token = span.end, text[span.start : span.end]
        if span.kind == "comment":
            continue
        is_member = between.rstrip().endswith((".", "->"))
        if span.kind != "name" or is_keyword(token, language) or is_member or _CALL.match(text, last):
            yield token
        else:
            yield numbers.setdefault(token, f"{IDENTIFIER}{len(numbers)}")
    yield from _TOKEN.findall(text, last)


def shingles(
    texts: Iterable[str],
    language: str,
    size: int = SHINGLE,
    read: Callable[[str, str], Iterator[str]] = tokens,
) -> npt.NDArray[np.uint32]:
    """The hashes of all runs of `size` tokens over a submission's files: a sorted set of shape (n,).

    A program with fewer tokens has one shingle, one without tokens none.
    """
    codes = [zlib.crc32(token.encode(errors="replace")) for text in texts for token in read(text, language)]
    if not codes:
        return np.empty(0, np.uint32)
    padded = np.array(codes + [0] * (size - len(codes)), np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)
    hashes = windows[:, 0].copy()
    for column in range(1, size):
        hashes = (hashes ^ (hashes >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15) + windows[:, column]
    return np.unique(((hashes * np.uint64(0xD6E8FEB86659FD93)) >> np.uint64(32)).astype(np.uint32))
