"""Unused declarations that only hold text: constants, macros, records, and functions that return a literal.

A student can add one anywhere without changing the program. Declarations that compute, call or take anything stay,
because code outside the submission may call them.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from labs_schema.source.dead_code import Range, blank_comments_and_strings
from labs_schema.source.languages import LANGUAGES
from labs_schema.source.lexer import KEYWORDS, Span

_TOKEN = re.compile(r"[{}()\[\];=\n]")
_HEAD = re.compile(r"\s*+(#[ \t]*+define\b|\W?\w*+)")
_PLACEHOLDER = re.compile(r"\{([^{}\"'`\n]{0,40})\}")
_HARMLESS_CALL = re.compile(r"\((?:\s|void\b)*+\)|\b(?:dict|concat!|allow)\([^()]*+\)")
_COMPUTES = re.compile(
    r"[()@?/%^~\\]|\b(?:if|for|while|do|switch|import|include|using|namespace|extern|public|export)\b"
)
_CONTINUES = " \t\r\n{})]"
_CLOSED_LATER = frozenset({"struct", "union", "enum", "typedef", "class"})
_TYPES = """String string str dict concat allow size_t i32 i64 u8 usize dead_code non_upper_case_globals
non_snake_case non_camel_case_types"""
_NOT_DECLARED = KEYWORDS | frozenset(_TYPES.split())
_USED_OUTSIDE = frozenset({"main", "Main", "module", "exports", "window", "document"})


def uses(texts: Iterable[tuple[str, Sequence[Span]]]) -> Counter[str]:
    """The number of occurrences of each name in a submission, including placeholders of strings."""
    found = Counter[str]()
    for text, spans in texts:
        found.update(_names(text, spans))
    return found


_PARSED = {"C", "C++", "C#", "Java", "JavaScript", "TypeScript", "Go", "Rust", "Python", "Objective-C"}
_UNPARSED = frozenset(LANGUAGES) - _PARSED
"""Languages in which the end of a statement is not found, so that nothing is removed."""


def unused_declarations(text: str, spans: Sequence[Span], language: str, used: Counter[str]) -> Iterator[Range]:
    """The ranges of such declarations in `text`; `used` counts the names of the complete submission."""
    if language in _UNPARSED:
        return
    bare = blank_comments_and_strings(text, spans, quote='"')
    inside, waiting = list[Span](), iter(spans)
    following = next(waiting, None)
    for start, end in _statements(bare, language):
        inside = []
        while following is not None and following.start < end:
            inside += [following] if following.start >= start else []
            following = next(waiting, None)
        own = Counter(_names(text, inside))
        declared = own.keys() - _NOT_DECLARED
        only_here = declared and all(own[name] == used[name] for name in declared)
        if only_here and declared.isdisjoint(_USED_OUTSIDE) and _only_holds_text(bare[start:end]):
            yield start, end


def _names(text: str, spans: Iterable[Span]) -> Iterator[str]:
    for span in spans:
        old = text[span.start : span.end]
        if span.kind == "name":
            yield old
        elif span.kind == "string" and "{" in old:
            yield from (name for inner in _PLACEHOLDER.findall(old) for name in re.findall(r"\w+", inner))


def _only_holds_text(bare: str) -> bool:
    return not _COMPUTES.search(_HARMLESS_CALL.sub("", bare)) and (bare[0] != "#" or bare.startswith(("#[", "#define")))


def _statements(bare: str, language: str) -> Iterator[Range]:
    """The statements at the top level; if brackets are unbalanced, the statements that start in the first column.

    Time is proportional to the length.
    """
    open_ = any(bare.count(one) != bare.count(other) for one, other in ("{}", "()", "[]"))
    start, depth, assigned = _statement_start(bare, 0), 0, False
    for match in _TOKEN.finditer(bare):
        sign, end = match.group(), match.end()
        if end <= start:
            continue
        depth = max(0, depth + (sign in "{([") - (sign in "})]"))
        assigned = assigned or (sign == "=" and not depth)
        if open_ and sign == "\n" and bare[end : end + 1] not in _CONTINUES:
            depth = 0
        elif depth or not _ends(bare, start, end, language, assigned):
            continue
        yield start, end
        start, assigned = _statement_start(bare, end), False
    if start < len(bare):
        yield start, len(bare)


def _statement_start(bare: str, position: int) -> int:
    match = _HEAD.match(bare, position)
    return match.start(1) if match else position


def _ends(bare: str, start: int, end: int, language: str, assigned: bool) -> bool:
    """Whether the character before `end`, outside of all brackets, ends the statement from `start`."""
    sign = bare[end - 1]
    if sign == "\n":
        if language == "Python":
            return not bare[end : end + 1].isspace()
        return language == "Go" or (bare[start] == "#" and language in ("C", "C++") and bare[end - 2] != "\\")
    if sign == "}":
        head = _HEAD.match(bare, start)
        later = language in ("C", "C++") and head is not None and head[1] in _CLOSED_LATER
        return language not in ("Python", "Go") and not assigned and not later
    return sign == ";" and language != "Python"
