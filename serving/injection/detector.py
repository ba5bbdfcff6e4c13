"""Text in a program that addresses whoever grades it. Knows no engine and no grade.

Every suspicion sends a program to a person and does nothing else, so a wrong one costs a minute and a missed one is
caught by the second reading (`serving.injection.sanitizer`) or not at all. Time is proportional to the length.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from labs_schema.models import SourceFile, Submission
from labs_schema.source.dead_code import Range, dead_ranges
from labs_schema.source.lexer import Span, lex
from serving.injection.channels import names, printed, remarks
from serving.injection.characters import DIRECTION, INVISIBLE, hidden_message, look_alike_words, without_controls
from serving.injection.encodings import backwards, payloads, rot13
from serving.injection.finding import Kind, Suspicion
from serving.injection.reading import HIDING, Hit, Passage, hits, pleads, suspicious

MOST = 20
"""Suspicions a file: enough to look at, and what a hostile file cannot blow up."""


def suspicions(submission: Submission, language: str) -> tuple[Suspicion, ...]:
    """Every place of `submission` that may talk to a grader, in the order of its files and lines, `MOST` a file."""
    return tuple(suspicion for file in submission.files for suspicion in _of_file(file, language))


def _of_file(file: SourceFile, language: str) -> Iterator[Suspicion]:
    text = without_controls(file.text)
    parts = lex(text, language)
    found = dict.fromkeys([*_drawn(file.text), *_said(text, language, parts), *_hidden(file.text, text, parts)])
    if _names_a_plea(file.path):
        yield Suspicion(kind="file name", path=file.path)
    for line, kind in islice(sorted(found), MOST):
        yield Suspicion(kind=kind, path=file.path, line=line)


def _drawn(text: str) -> Iterator[tuple[int, Kind]]:
    """What is not as it looks."""
    if text.isascii():
        return
    line = _Lines(text)
    yield from ((line(match.start()), "text direction") for match in DIRECTION.finditer(text))
    yield from ((line(match.start()), "invisible characters") for match in INVISIBLE.finditer(text))
    yield from ((line(match.start()), "look-alike letters") for match in look_alike_words(text))


def _said(text: str, language: str, parts: Sequence[Span]) -> Iterator[tuple[int, Kind]]:
    """What stands there in words."""
    line, dead = _Lines(text), _Within(dead_ranges(text, language, parts))
    starts = [span.start for span in parts]
    streams = (hits(remarks(text, parts)), hits(printed(text, parts), printed=True), hits(names(text, parts)))
    for stream in streams:
        for hit in suspicious(stream):
            span = parts[max(0, bisect_right(starts, hit.last) - 1)]
            yield line(hit.last), "dead code" if dead(hit.last) else _kind(span)
    for name in names(text, parts):
        if len(name.text) > 8 and pleads(name.text):
            yield line(name.offset), "dead code" if dead(name.offset) else "identifier"


def _hidden(raw: str, text: str, parts: Sequence[Span]) -> Iterator[tuple[int, Kind]]:
    """What has to be decoded before it says anything."""
    line = _Lines(text)
    for channel in (remarks, printed, names):
        for spelling in (rot13, backwards):
            for hit in suspicious(hits(channel(text, parts), spelling=spelling), HIDING):
                yield line(hit.last), "encoded text"
    for payload in payloads(text):
        inner = [Passage(0, each.text) for each in payloads(payload.text)]
        if _speaks([Passage(0, payload.text)], HIDING) or _speaks(inner, HIDING):
            yield line(payload.offset), "encoded text"
    if _speaks([Passage(0, hidden_message(raw))], HIDING):
        yield 1, "invisible characters"


def _names_a_plea(path: str) -> bool:
    shown = without_controls(path)
    return shown != path or bool(look_alike_words(path)) or pleads(shown) or _speaks([Passage(0, shown)])


def _speaks(passages: Iterable[Passage], start: float = 0.0) -> bool:
    found: Iterator[Hit] = suspicious(hits(passages), start)
    return next(found, None) is not None


def _kind(span: Span) -> Kind:
    return "identifier" if span.kind == "name" or span.kind == "include" else span.kind


class _Lines:
    """Offsets to line numbers from 1."""

    def __init__(self, text: str) -> None:
        self.breaks = [offset for offset, char in enumerate(text) if char == "\n"]

    def __call__(self, offset: int) -> int:
        return 1 + bisect_right(self.breaks, offset - 1)


class _Within:
    """Whether an offset lies in one of the ranges."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        self.starts = [start for start, _ in ranges]
        self.ends: list[int] = []  # the furthest end so far
        for _, end in ranges:
            self.ends.append(max(end, self.ends[-1] if self.ends else 0))

    def __call__(self, offset: int) -> bool:
        index = bisect_right(self.starts, offset)
        return index > 0 and offset < self.ends[index - 1]
