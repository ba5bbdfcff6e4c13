"""A program as its comments, docstrings, strings and names. Knows no meaning, and reads any text, broken or hostile.

One regular expression a language, in which every alternative consumes what it has looked at, so that the time is
proportional to the length. Pygments is not used: its Java lexer takes four times as long for twice as long a line of
`a a a ...` (20,000 characters: 6 s), and students can send one. Tests compare the two on the sample labs.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

Kind = Literal["comment", "docstring", "string", "name", "include"]


class Span(NamedTuple):
    """`text[start:end]`, delimiters included. `include` is an `#include` line; `string` a character too."""

    kind: Kind
    start: int
    end: int


_LINE = r"//[^\n]*+"
_LINE_C = r"//[^\n]*+(?:(?<=\\)\n[^\n]*+)*+"
_BLOCK = r"/\*.*?(?:\*/|\Z)"
_QUOTES = r"""(?:"(?:[^"\\\n]|\\.)*+"?|'(?:[^'\\\n]|\\.)*+'?)"""
_RAW_C = r'(?:u8|[uUL])?R"(?P<mark>[^()\\\s"]{0,16})\(.*?(?:\)(?P=mark)"|\Z)'
_TEXT_BLOCK = r'"""(?:[^"\\]|\\.|"(?!""))*+(?:""")?'
_TEMPLATE = r"`(?:[^`\\]|\\.)*+`?"
_TRIPLE = r"""(?:\"{3}(?:[^"\\]|\\.|"(?!""))*+(?:\"{3})?|'{3}(?:[^'\\]|\\.|'(?!''))*+(?:'{3})?)"""
_RAW_RUST = r'b?r(?P<mark>\#{0,16})".*?(?:"(?P=mark)|\Z)'
_CHAR_RUST = r"b?'(?:[^'\\\n]|\\[^\n]{1,10}?)'"
_SPOKEN = r"(?m:^)[ \t]*+\#[ \t]*+(?:error|warning|pragma(?![ \t]*(?:once|omp|GCC|pack|STDC)\b))\b[^\n]*+"
_INCLUDE = r"(?m:^)[ \t]*+\#[ \t]*+(?:include|import)\b(?:[^\n/]|/(?![*/]))*+"
_REGEX = r"(?<=[=(,:;!&|?{}\[+])[ \t]*+/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n]){0,200}\]|[^/\\\n\[])++/?"
_NAME = r"[^\W\d][\w$]*+"
_NUMBER = r"\d[\w.]*+"


def _pattern(
    comment: str, string: str, name: str = _NAME, include: str | None = None, other: str = _NUMBER
) -> re.Pattern[str]:
    lines = f"|(?P<include>{include})" if include else ""
    return re.compile(
        f"(?P<comment>{comment})|(?P<string>{string}){lines}|(?P<name>{name})|(?P<other>{other})", re.DOTALL
    )


_C = _pattern(f"{_LINE_C}|{_BLOCK}|{_SPOKEN}", _QUOTES, include=_INCLUDE)
_CPP = _pattern(f"{_LINE_C}|{_BLOCK}|{_SPOKEN}", f"{_RAW_C}|{_QUOTES}", include=_INCLUDE, other=r"\d[\w.]*+(?:'\w++)*+")
_PATTERNS = {
    "C": _C,
    "C++": _CPP,
    "Java": _pattern(f"{_LINE}|{_BLOCK}", f"{_TEXT_BLOCK}|{_QUOTES}", name=r"(?:[^\W\d]|\$)[\w$]*+"),
    "JavaScript": _pattern(
        f"{_LINE}|{_BLOCK}",
        f"{_TEMPLATE}|{_QUOTES}",
        name=r"(?:[^\W\d]|\$)[\w$]*+",
        other=f"{_NUMBER}|{_REGEX}",
    ),
    "Go": _pattern(f"{_LINE}|{_BLOCK}", rf"`[^`]*+`?|{_QUOTES}"),
    "Rust": _pattern(f"{_LINE}|/\\*", f'{_RAW_RUST}|{_CHAR_RUST}|b?"(?:[^"\\\\]|\\\\.)*+"?'),
    "Python": _pattern(r"\#[^\n]*+", f"(?i:[rbfu]{{0,2}})(?:{_TRIPLE}|{_QUOTES})"),
}
_CLOSED = re.compile(r"[)\]}]")
_RUST_ENDS = re.compile(r"/\*|\*/")


def spans(text: str, language: str) -> Iterator[Span]:
    """The spans of `text` in order, without overlap. A language that is not known is read as C++ is."""
    found = _scanned(text, _PATTERNS.get(language, _CPP))
    return _with_docstrings(text, found) if language == "Python" else found


def _scanned(text: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    position = 0
    while match := pattern.search(text, position):
        start, position = match.span()
        if match.group() == "/*":  # Rust's comments nest
            position = _nested_end(text, position)
        if match.lastgroup == "mark" or match["string"] is not None:
            yield Span("string", start, position)
        elif match["comment"] is not None:
            yield Span("comment", start, position)
        elif match["name"] is not None:
            yield Span("name", start, position)
        elif "include" in pattern.groupindex and match["include"] is not None:
            yield Span("include", start, position)


def _nested_end(text: str, position: int) -> int:
    depth = 1
    for match in _RUST_ENDS.finditer(text, position):
        depth += 1 if match.group() == "/*" else -1
        if not depth:
            return match.end()
    return len(text)


def _with_docstrings(text: str, found: Iterator[Span]) -> Iterator[Span]:
    """A string that begins a line outside of brackets is a statement that does nothing: a docstring. So is one behind
    the colon of a `def` or `class` on its line."""
    depth, last, head = 0, 0, False
    for span in found:
        between = text[last : span.start]
        depth = max(0, depth + sum(map(between.count, "([{")) - sum(map(between.count, ")]}")))
        before, newline, indent = between.rpartition("\n")
        begins = not indent.strip() and (not last or (bool(newline) and not before.rstrip(" \t").endswith("\\")))
        docstring = not depth and (begins or (head and between.rstrip(" \t").endswith(":")))
        yield span._replace(kind="docstring") if span.kind == "string" and docstring else span
        if not depth and (begins or newline or ":" in _CLOSED.split(between)[-1]):
            head = begins and text[span.start : span.end] in ("def", "class", "async")
        last = span.end
