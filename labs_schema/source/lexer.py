"""The lexer: splits a program in any supported language into comments, docstrings, strings, includes and names.

Each language is one regular expression with possessive quantifiers, so time is linear in the length of the text, and
any text is accepted: unfinished, malformed or hostile. docs/measurements/lexer.md compares it with tree-sitter and
pygments.
"""

import re
from collections.abc import Iterator
from threading import Lock
from typing import Literal, NamedTuple

from cachetools import LRUCache, cached

from labs_schema.limits import LexerLimits

_KEYWORDS = """
abstract async auto await bool boolean break byte case catch chan char class const constexpr continue default defer
delete do double dyn else enum explicit export extends extern fallthrough false final finally float fn for friend from
func function go goto if impl implements import in inline instanceof int interface let long loop map match mod move mut
namespace native new null nullptr of operator override package private protected pub public range ref register return
select self short signed sizeof static struct super switch synchronized template this throw throws trait transient true
try type typedef typename typeof undefined union unsafe unsigned use using var virtual void volatile where while yield
include define ifdef ifndef endif and as assert def del elif except global is lambda None nonlocal not or pass raise
with True False
"""
KEYWORDS = frozenset(_KEYWORDS.split())
"""The keywords of all languages together: names that no student chose."""

Kind = Literal["comment", "docstring", "string", "name", "include"]


class Span(NamedTuple):
    """`text[start:end]`, delimiters included.

    `comment` includes `#error`, `#warning` and free-text `#pragma` lines; `string` includes character literals;
    `include` is an `#include` or `#import` line; `name` includes keywords.
    """

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
_STRINGS = r"""(?:"(?:[^"\\]|\\.)*+"?|'(?:[^'\\]|\\.)*+'?)"""  # may span lines
_DOUBLE = r'"(?:[^"\\]|\\.)*+"?'
_CHAR = r"'(?:[^'\\\n]|\\[^\n]{1,10}?)'"  # and nothing longer: a lone ' is part of a type or of a name
_HASH = r"(?:(?<=[\s;|&()])|\A)\#[^\n]*+"
_DIRECTIVE_CS = r"(?m:^)[ \t]*+\#[ \t]*+(?:error|warning|region|endregion|pragma)\b[^\n]*+"
_VERBATIM = r'(?:@\$?|\$@)"(?:[^"]|"")*+"?'
_RAW_CS = r'\${0,8}+(?P<mark>"{3,16})(?!").*?(?:(?P=mark)|\Z)'
_RAW_KOTLIN = r'"{3}.*?(?:"{3}"*+|\Z)'
_RAW_SWIFT = r'(?P<mark>\#{1,16})"(?:"".*?(?:"{3}(?P=mark)|\Z)|[^\n]*?(?:"(?P=mark)|(?=\n)|\Z))'
_SQL_QUOTES = r"""(?:'(?:[^']|'')*+'?|"(?:[^"]|"")*+"?|`[^`\n]*+`?)"""
_RAW_R = r"""[rR](?P<quote>["'])(?P<mark>-{0,16})[(\[{].*?(?:[)\]}](?P=mark)(?P=quote)|\Z)"""
_HEREDOC = r"(?P<quote>[\"'`]?)(?P<mark>[A-Z_]\w*+)(?P=quote).*?(?:\n[ \t]*+(?P=mark)\b|\Z)"  # `a <<b` is a shift
_OCAML_QUOTED = r"\{(?P<mark>[a-z_]{0,16})\|.*?(?:\|(?P=mark)\}|\Z)"
_POD = r"(?m:^)=(?!cut\b)[a-z]\w*+.*?(?:(?m:^)=cut\b[^\n]*+|\Z)"
_END_MARK = r"(?m:^)__END__(?m:$).*+"
_PERCENT = r"%[qQwWiI]?(?:\([^)]*+\)?|\[[^\]]*+\]?|\{[^}]*+\}?|<[^>\n]*+>?)(?<=[)\]}>])"
_MATLAB_BLOCK = r"(?m:^)[ \t]*+[%\#]\{[ \t]*+(?m:$).*?(?:(?m:^)[ \t]*+[%\#]\}[ \t]*+(?m:$)|\Z)"
_MATLAB_QUOTES = r"""(?:"(?:[^"\\\n]|\\.|"")*+"?|(?<![\w)\]}'.])'(?:[^'\n]|'')*+'?)"""
_JAVASCRIPT = _pattern(
    f"{_LINE}|{_BLOCK}", f"{_TEMPLATE}|{_QUOTES}", name=r"(?:[^\W\d]|\$)[\w$]*+", other=f"{_NUMBER}|{_REGEX}"
)
_LISP = _pattern(r";[^\n]*+|\#\|", _DOUBLE, other=rf"{_NUMBER}|\#\\.")
_PATTERNS = {
    "C": _C,
    "C++": _CPP,
    "Objective-C": _CPP,
    "Java": _pattern(f"{_LINE}|{_BLOCK}", f"{_TEXT_BLOCK}|{_QUOTES}", name=r"(?:[^\W\d]|\$)[\w$]*+"),
    "JavaScript": _JAVASCRIPT,
    "TypeScript": _JAVASCRIPT,
    "Go": _pattern(f"{_LINE}|{_BLOCK}", rf"`[^`]*+`?|{_QUOTES}"),
    "Rust": _pattern(f"{_LINE}|/\\*", f'{_RAW_RUST}|{_CHAR_RUST}|b?"(?:[^"\\\\]|\\\\.)*+"?'),
    "Python": _pattern(r"\#[^\n]*+", f"(?i:[rbfu]{{0,2}})(?:{_TRIPLE}|{_QUOTES})"),
    "C#": _pattern(f"{_LINE}|{_BLOCK}|{_DIRECTIVE_CS}", f"{_RAW_CS}|{_VERBATIM}|{_QUOTES}"),
    "Kotlin": _pattern(rf"{_LINE}|/\*", f"{_RAW_KOTLIN}|{_QUOTES}"),
    "Scala": _pattern(rf"{_LINE}|/\*", f'{_RAW_KOTLIN}|{_CHAR}|"(?:[^"\\\\\n]|\\\\.)*+"?'),
    "Swift": _pattern(rf"{_LINE}|/\*", f'{_RAW_SWIFT}|{_TEXT_BLOCK}|"(?:[^"\\\\\n]|\\\\.)*+"?'),
    "PHP": _pattern(
        rf"<!--.*?(?:-->|\Z)|(?://|\#(?!\[))(?:[^\n?]|\?(?!>))*+|{_BLOCK}",
        rf"<<<[ \t]*+[\"']?(?P<mark>\w++)[\"']?\n.*?(?:\n[ \t]*+(?P=mark)\b|\Z)|{_QUOTES}",
    ),
    "Ruby": _pattern(
        rf"(?m:^)=begin\b.*?(?:(?m:^)=end\b[^\n]*+|\Z)|{_END_MARK}|{_HASH}",
        f"<<[-~]?+{_HEREDOC}|{_PERCENT}|{_STRINGS}|{_TEMPLATE}",
        other=f"{_NUMBER}|{_REGEX}",
    ),
    "Perl": _pattern(
        f"{_POD}|{_END_MARK}|{_HASH}",
        f"<<~?{_HEREDOC}|{_STRINGS}",
        other=rf"{_NUMBER}|{_REGEX}|\$[\"'\#]",
    ),
    "R": _pattern(r"\#[^\n]*+", f"{_RAW_R}|{_STRINGS}|`[^`\n]*+`?", name=r"[^\W\d_][\w.]*+"),
    "MATLAB": _pattern(rf"{_MATLAB_BLOCK}|%[^\n]*+|\#[^\n]*+|\.\.\.[^\n]*+", _MATLAB_QUOTES),
    "SQL": _pattern(rf"--[^\n]*+|{_BLOCK}|(?m:^)[ \t]*+\#[^\n]*+|(?<=\s)\#(?=\s)[^\n]*+", _SQL_QUOTES),
    "Bash": _pattern(
        _HASH,
        rf"<<-?[ \t]*+\\?{_HEREDOC}|\$'(?:[^'\\]|\\.)*+'?|'[^']*+'?|{_DOUBLE}",
        other=rf"{_NUMBER}|\\.|\$\#",
    ),
    "Haskell": _pattern(
        r"--++(?![!\#$%&*+./<=>?@\\^|~:-])[^\n]*+|\{-",
        f'{_CHAR}|"(?:[^"\\\\\n]|\\\\\\s+\\\\|\\\\.)*+"?',
        name=r"[^\W\d][\w']*+",
    ),
    "OCaml": _pattern(r"\(\*(?!\))", f"{_OCAML_QUOTED}|{_DOUBLE}|{_CHAR}", name=r"[^\W\d][\w']*+"),
    "Racket": _LISP,
    "Scheme": _LISP,
    "Prolog": _pattern(rf"%[^\n]*+|{_BLOCK}", _QUOTES, other=rf"0'(?:\\.|''|.)|{_NUMBER}"),
    "Assembly": _pattern(
        rf";[^\n]*+|{_LINE}|{_BLOCK}|(?m:^)[ \t]*+[\#@*|][^\n]*+"
        r"|(?<=\s)(?<!,\s)\#(?![\d$%:=-])[^\n]*+|(?<=\s)@(?=\s)[^\n]*+",  # not `, #1` and `@function`
        _QUOTES,
        name=r"[^\W\d][\w.$]*+",
    ),
}
_CLOSED = re.compile(r"[)\]}]")
_NESTED = {
    opening: re.compile(f"{re.escape(opening)}|{re.escape(closing)}")
    for opening, closing in (("/*", "*/"), ("{-", "-}"), ("(*", "*)"), ("#|", "|#"))
}
"""Block comments that nest: patterns that match only the opening sign, and both signs of each."""


class _Lexed(NamedTuple):
    """The spans of a text of `chars` characters."""

    chars: int
    spans: tuple[Span, ...]


_SPAN_BYTES = 136  # a named tuple of three and two integers in CPython 3.11


def _size(found: _Lexed) -> int:
    """Bytes of a text and its spans, approximately."""
    return 4 * found.chars + _SPAN_BYTES * len(found.spans)


def lex(text: str, language: str) -> tuple[Span, ...]:
    """The spans of `text` in order, without overlap. An unknown `language` is read as C++.

    Recent results are cached, because grading one submission needs the same program several times.
    """
    return _lexed(text, language).spans


@cached(LRUCache(LexerLimits().cache_bytes, getsizeof=_size), lock=Lock())
def _lexed(text: str, language: str) -> _Lexed:
    return _Lexed(len(text), tuple(scan(text, language)))


def scan(text: str, language: str) -> Iterator[Span]:
    """`lex` without the cache."""
    found = _scanned(text, _PATTERNS.get(language, _CPP))
    return _with_docstrings(text, found) if language == "Python" else found


def _scanned(text: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    position = 0
    while match := pattern.search(text, position):
        start, position = match.span()
        if match.group() in _NESTED:
            position = _nested_end(text, position, match.group())
        if match["string"] is not None:
            yield Span("string", start, position)
        elif match["comment"] is not None:
            yield Span("comment", start, position)
        elif match["name"] is not None:
            yield Span("name", start, position)
        elif "include" in pattern.groupindex and match["include"] is not None:
            yield Span("include", start, position)


def _nested_end(text: str, position: int, opening: str) -> int:
    depth = 1
    for match in _NESTED[opening].finditer(text, position):
        depth += 1 if match.group() == opening else -1
        if not depth:
            return match.end()
    return len(text)


def _with_docstrings(text: str, found: Iterator[Span]) -> Iterator[Span]:
    """Marks docstrings: strings that start a line outside brackets, or follow the colon of a `def` or `class`."""
    depth, last, head = 0, 0, False
    for span in found:
        between = text[last : span.start]
        depth = max(0, depth + sum(map(between.count, "([{")) - sum(map(between.count, ")]}")))
        before, newline, indent = between.rpartition("\n")
        starts_line = not indent.strip() and (not last or (bool(newline) and not before.rstrip(" \t").endswith("\\")))
        docstring = not depth and (starts_line or (head and between.rstrip(" \t").endswith(":")))
        yield span._replace(kind="docstring") if span.kind == "string" and docstring else span
        if not depth and (starts_line or newline or ":" in _CLOSED.split(between)[-1]):
            head = starts_line and text[span.start : span.end] in ("def", "class", "async")
        last = span.end
