"""A file's text as streams of passages: what it remarks, what it prints, what it names. Knows spans, no meaning."""

import re
from collections.abc import Iterator, Sequence

from labs_schema.source.lexer import Span
from serving.injection.encodings import unescaped
from serving.injection.reading import Passage

_CONCATENATED = re.compile(r"[\s+\\.]*")
_LETTERS = re.compile(r"[\s+\\.,]*")
_QUOTES = re.compile(r"^(?:[A-Za-z0-9]{0,3}\#*)?[\"'`]{1,3}|[\"'`]{1,3}\#*$")
_FORMAT = re.compile(r"\\[abfnrtv0\n]|%[-+ #0-9.*]*[hlLzjt]*[a-zA-Z]")


def remarks(text: str, spans: Sequence[Span]) -> Iterator[Passage]:
    """Comments, docstrings and what `#error` and its like say."""
    for span in spans:
        if span.kind in ("comment", "docstring"):
            yield Passage(span.start, text[span.start : span.end], 0)


def printed(text: str, spans: Sequence[Span]) -> Iterator[Passage]:
    """Strings, those that the program puts together as one: `"fu" "ll"`, `"fu" + "ll"`, `{'f', 'u'}`."""
    for group in concatenated(text, spans):
        pieces = [_QUOTES.sub("", text[span.start : span.end]) for span in group]
        joined = unescaped("".join(pieces))
        yield Passage(group[0].start, _FORMAT.sub(lambda match: " " * len(match.group()), joined))


def concatenated(text: str, spans: Sequence[Span]) -> Iterator[list[Span]]:
    """The strings of a program, in groups of those that become one string."""
    group: list[Span] = []
    for span in spans:
        if span.kind == "string":
            if group and not _joins(text, group[-1], span):
                yield group
                group = []
            group.append(span)
    if group:
        yield group


def _joins(text: str, before: Span, after: Span) -> bool:
    if after.start - before.end > 200:
        return False
    single = max(before.end - before.start, after.end - after.start) <= 3
    return bool((_LETTERS if single else _CONCATENATED).fullmatch(text, before.end, after.start))


def names(text: str, spans: Sequence[Span]) -> Iterator[Passage]:
    """Each name once, where it stands first; names with nothing but blanks between them are read on as a sentence."""
    seen: set[str] = set()
    last = 0
    for span in spans:
        if span.kind == "name":
            name = text[span.start : span.end]
            if name not in seen:
                seen.add(name)
                yield Passage(span.start, name, 0 if not text[last : span.start].strip() else 1)
            last = span.end
