"""Declarations that do nothing but say something: never referred to, and made of names and literals alone.

A constant, a macro, a record or a function that returns a text, which nobody uses, changes no program; a student can
put one anywhere. What computes, calls or takes anything is left alone, for others may call it. Knows spans, no meaning.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from labs_schema.source.dead_code import Range, blank_comments_and_strings
from labs_schema.source.lexer import KEYWORDS, Span

_TOKEN = re.compile(r"[{}()\[\];=\n]")
_HEAD = re.compile(r"\s*+(#[ \t]*+define\b|\W?\w*+)")
_PLACEHOLDER = re.compile(r"\{([^{}\"'`\n]{0,40})\}")
_HARMLESS_CALL = re.compile(r"\((?:\s|void\b)*+\)|\b(?:dict|concat!|allow)\([^()]*+\)")
_COMPUTES = re.compile(
    r"[()@?/%^~\\]|\b(?:if|for|while|do|switch|import|include|using|namespace|extern|public|export)\b"
)
_GOES_ON = " \t\r\n{})]"
_CLOSED_LATER = frozenset({"struct", "union", "enum", "typedef", "class"})
_TYPES = """String string str dict concat allow size_t i32 i64 u8 usize dead_code non_upper_case_globals
non_snake_case non_camel_case_types"""
_NOT_DECLARED = KEYWORDS | frozenset(_TYPES.split())
_USED_UNSEEN = frozenset({"main", "Main", "module", "exports", "window", "document"})


def uses(texts: Iterable[tuple[str, Sequence[Span]]]) -> Counter[str]:
    """How often each name stands in all files of a submission, in the placeholders of its strings too."""
    found = Counter[str]()
    for text, spans in texts:
        found.update(_names(text, spans))
    return found


def unused_declarations(text: str, spans: Sequence[Span], language: str, used: Counter[str]) -> Iterator[Range]:
    """The ranges of `text` that only say something; `used` counts the names of the whole submission."""
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
        if only_here and declared.isdisjoint(_USED_UNSEEN) and _only_says(bare[start:end]):
            yield start, end


def _names(text: str, spans: Iterable[Span]) -> Iterator[str]:
    for span in spans:
        old = text[span.start : span.end]
        if span.kind == "name":
            yield old
        elif span.kind == "string" and "{" in old:
            yield from (name for inner in _PLACEHOLDER.findall(old) for name in re.findall(r"\w+", inner))


def _only_says(bare: str) -> bool:
    return not _COMPUTES.search(_HARMLESS_CALL.sub("", bare)) and (bare[0] != "#" or bare.startswith(("#[", "#define")))


def _statements(bare: str, language: str) -> Iterator[Range]:
    """What stands at the outermost level, one after the other; where brackets are not closed, what begins a line.
    Time is proportional to the length."""
    open_ = any(bare.count(one) != bare.count(other) for one, other in ("{}", "()", "[]"))
    start, depth, assigned = _begin(bare, 0), 0, False
    for match in _TOKEN.finditer(bare):
        sign, end = match.group(), match.end()
        if end <= start:
            continue
        depth = max(0, depth + (sign in "{([") - (sign in "})]"))
        assigned = assigned or (sign == "=" and not depth)
        if open_ and sign == "\n" and bare[end : end + 1] not in _GOES_ON:
            depth = 0
        elif depth or not _ends(bare, start, end, language, assigned):
            continue
        yield start, end
        start, assigned = _begin(bare, end), False
    if start < len(bare):
        yield start, len(bare)


def _begin(bare: str, position: int) -> int:
    match = _HEAD.match(bare, position)
    return match.start(1) if match else position


def _ends(bare: str, start: int, end: int, language: str, assigned: bool) -> bool:
    """Whether the sign before `end`, outside of all brackets, ends the statement from `start`."""
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
