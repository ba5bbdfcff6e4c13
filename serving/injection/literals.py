"""Comments, strings and dropped blocks of a program with their words taken out, line for line. Knows no lexicon.

A literal of at most `SHORT_WORDS` words and `SHORT` characters stays, with its format: nine of ten literals in
students' programs are no longer, and carry what a program prints (`"%d\\n"`, `"yes"`, `"Sum: "`). Nobody pleads in two
words; literals that make one string, or one list, count together. The letters of longer ones become `x`, so that their
length, their formats and their line ends can still be read.
"""

import re
from collections.abc import Iterator, Sequence

from labs_schema.source.lexer import Span
from serving.injection.channels import concatenated
from serving.injection.words import words

SHORT, SHORT_WORDS, LISTED_WORDS = 16, 2, 6

_LISTED = re.compile(r"[\s,]*")

_KEPT = re.compile(
    r"\\(?:[abefnrtv\\'\"0]|\n)|%[-+ #0-9.*]{0,8}(?:hh|ll|[hlLzjt])?[diouxXeEfFgGaAcspn%]|\{[^{}\"'`\n]{0,40}\}"
)
_ESCAPED = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u\{?[0-9A-Fa-f]{4,6}\}?|[0-7]{1,3})")
_OPENING = re.compile(r"(?:[A-Za-z0-9]{0,3}\#{0,16})(?:\"{3}|'{3}|[\"'`])")
_CLOSING = re.compile(r"(?:\"{3}|'{3}|[\"'`])\#{0,16}$")
_WORD = re.compile(r"[^\W\d_]{2,}|[\u4e00-\u9fff]")

Piece = tuple[int, int, str]


def masked_comments(text: str, spans: Sequence[Span]) -> Iterator[Piece]:
    """What stands in the place of each comment and docstring: a blank, an empty docstring, and all line ends."""
    for span in spans:
        old = text[span.start : span.end]
        if span.kind == "comment":
            yield span.start, span.end, "\n" * old.count("\n") or " "
        elif span.kind == "docstring":
            yield span.start, span.end, '"""' + "\n" * old.count("\n") + '"""'


def masked_strings(text: str, spans: Sequence[Span]) -> Iterator[Piece]:
    """What stands in the place of each string that is long, or that says something a grader might be told."""
    listed = _long_lists(text, spans)
    for group in concatenated(text, spans):
        whole = "".join(_content(text[span.start : span.end])[1] for span in group)
        if group[0].start in listed or not _stays(whole):
            for span in group:
                opening, content, closing = _content(text[span.start : span.end])
                yield span.start, span.end, opening + _crossed_out(content) + closing


def _long_lists(text: str, spans: Sequence[Span]) -> set[int]:
    """Where the literals begin that are in a list with more than `LISTED_WORDS` words: a list can be read as a line."""
    found: set[int] = set()
    group: list[Span] = []
    said = 0
    for span in [span for span in spans if span.kind == "string"]:
        if group and (span.start - group[-1].end > 200 or not _LISTED.fullmatch(text, group[-1].end, span.start)):
            found.update([each.start for each in group] if said > LISTED_WORDS else [])
            group, said = [], 0
        group.append(span)
        said += len(_WORD.findall(_KEPT.sub(" ", text[span.start : span.end])))
    return found.union([each.start for each in group] if said > LISTED_WORDS else [])


def _stays(content: str) -> bool:
    said = _KEPT.sub(" ", content)
    found = _WORD.findall(said)
    if len(said.strip()) > SHORT or len(found) > SHORT_WORDS or len(_ESCAPED.findall(content)) > SHORT_WORDS:
        return False
    return not found or not any(word.meanings for word in words(said))


def _content(literal: str) -> tuple[str, str, str]:
    opening = _OPENING.match(literal)
    start = opening.end() if opening else 0
    closing = _CLOSING.search(literal, start)
    end = closing.start() if closing else len(literal)
    return literal[:start], literal[start:end], literal[end:]


def _crossed_out(content: str) -> str:
    """Every letter and digit an `x`, but for formats, escapes of blanks and short placeholders such as `{total}`."""
    pieces, last = [], 0
    for match in _KEPT.finditer(content):
        pieces += [_crossed(content[last : match.start()]), match.group()]
        last = match.end()
    return "".join([*pieces, _crossed(content[last:])])


def _crossed(text: str) -> str:
    return re.sub(r"\w", "x", _ESCAPED.sub("x", text))
