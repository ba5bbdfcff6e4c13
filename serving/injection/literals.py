"""Masks the text of string literals: letters and digits become `x`; formats and short outputs stay.

A literal stays if it is ASCII and has at most `SHORT_WORDS` words and `SHORT_CHARS` characters apart from its formats.
Nine of ten literals in students' programs are that short, and they are what the program prints (`"%d\\n"`, `"YES"`,
`"Sum: "`). Literals that form one string or one list count together.
"""

import re
from collections.abc import Iterator, Sequence

from labs_schema.source.lexer import Span
from labs_schema.source.replacing import Replacement

SHORT_CHARS, SHORT_WORDS, LIST_WORDS = 16, 2, 6
NEAR_CHARS = 200
"""Two literals with more characters between them are never one string or one list."""

_LISTED = re.compile(r"[\s,]*")
_CONCATENATED = re.compile(r"[\s+\\.]*")  # `"a" "b"`, `"a" + "b"`, PHP-like `"a" . "b"`
_CHARACTERS = re.compile(r"[\s+\\.,]*")  # also {'a', 'b'}
_CHARACTER_LITERAL = 3
_FORMATS = re.compile(
    r"\\(?:[abefnrtv\\'\"0]|\n)|%[-+ #0-9.*]{0,8}(?:hh|ll|[hlLzjt])?[diouxXeEfFgGaAcspn%]|\{[^{}\"'`\n]{0,40}\}"
)
_ESCAPES = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u\{?[0-9A-Fa-f]{4,6}\}?|[0-7]{1,3})")
_OPENING = re.compile(r"(?:[A-Za-z0-9]{0,3}\#{0,16})(?:\"{3}|'{3}|[\"'`])")
_CLOSING = re.compile(r"(?:\"{3}|'{3}|[\"'`])\#{0,16}$")
_WORD = re.compile(r"[^\W\d_]{2,}")


def masked_literals(text: str, spans: Sequence[Span]) -> Iterator[Replacement]:
    """The replacement of each literal that is not short enough to stay."""
    listed = _in_long_lists(text, spans)
    for group in concatenated(text, spans):
        content = "".join(literal_parts(text[span.start : span.end])[1] for span in group)
        if group[0].start in listed or not _is_short(content):
            for span in group:
                opening, inner, closing = literal_parts(text[span.start : span.end])
                yield span.start, span.end, opening + _mask(inner) + closing


def concatenated(text: str, spans: Sequence[Span]) -> Iterator[list[Span]]:
    """The string spans of a program, grouped by the string that they form together."""
    group: list[Span] = []
    for span in spans:
        if span.kind == "string":
            if group and not _joins(text, group[-1], span):
                yield group
                group = []
            group.append(span)
    if group:
        yield group


def literal_parts(literal: str) -> tuple[str, str, str]:
    """Prefix and opening quote, content, closing quote."""
    opening = _OPENING.match(literal)
    start = opening.end() if opening else 0
    closing = _CLOSING.search(literal, start)
    end = closing.start() if closing else len(literal)
    return literal[:start], literal[start:end], literal[end:]


def _joins(text: str, before: Span, after: Span) -> bool:
    if after.start - before.end > NEAR_CHARS:
        return False
    characters = max(before.end - before.start, after.end - after.start) <= _CHARACTER_LITERAL
    return bool((_CHARACTERS if characters else _CONCATENATED).fullmatch(text, before.end, after.start))


def _in_long_lists(text: str, spans: Sequence[Span]) -> set[int]:
    """Where the literals start that are in a list of more than `LIST_WORDS` words: a list can be read as a sentence."""
    found: set[int] = set()
    group: list[Span] = []
    words = 0
    for span in [*(span for span in spans if span.kind == "string"), None]:
        near = span and group and span.start - group[-1].end <= NEAR_CHARS
        if span is None or not near or not _LISTED.fullmatch(text, group[-1].end, span.start):
            found.update(each.start for each in group if words > LIST_WORDS)
            group, words = [], 0
        if span is not None:
            group.append(span)
            words += len(_WORD.findall(_FORMATS.sub(" ", text[span.start : span.end])))
    return found


def _is_short(content: str) -> bool:
    plain = _FORMATS.sub(" ", content)
    return (
        content.isascii()
        and len(plain.strip()) <= SHORT_CHARS
        and len(_WORD.findall(plain)) <= SHORT_WORDS
        and len(_ESCAPES.findall(content)) <= SHORT_WORDS
    )


def _mask(content: str) -> str:
    """Letters and digits as `x`, except formats, escapes of whitespace and placeholders such as `{total}`."""
    pieces, last = [], 0
    for match in _FORMATS.finditer(content):
        pieces += [_crossed_out(content[last : match.start()]), match.group()]
        last = match.end()
    return "".join([*pieces, _crossed_out(content[last:])])


def _crossed_out(text: str) -> str:
    return re.sub(r"\w", "x", _ESCAPES.sub("x", text))
