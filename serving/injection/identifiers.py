"""Neutral replacements for identifiers that could hold a sentence, chosen by form alone."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from labs_schema.source.lexer import KEYWORDS, Span

MANY_WORDS, MANY_CHARS = 4, 40
"""An identifier with this many words, or with more than this many characters, can hold a sentence."""
RUN_NAMES = 4
"""This many names in a row with only spaces between them are prose, not code."""
LIST_NAMES = 7
"""A list of this many names of two or more letters can be read as a sentence."""

_LIBRARY = """
ArrayIndexOutOfBoundsException StringIndexOutOfBoundsException IndexOutOfBoundsException FileNotFoundException
ClassNotFoundException ConcurrentModificationException NoSuchElementException UnsupportedOperationException
CloneNotSupportedException NoSuchMethodException UncheckedIOException setDefaultCloseOperation EXIT_ON_CLOSE
compareToIgnoreCase DO_NOTHING_ON_CLOSE DISPOSE_ON_CLOSE newFixedThreadPool newSingleThreadExecutor getElementById
getElementsByClassName getElementsByTagName get_or_insert_with sort_unstable_by_key getAudioInputStream
enable_shared_from_this _CRT_SECURE_NO_WARNINGS
"""
NOT_RENAMED = frozenset(_LIBRARY.split()) | KEYWORDS | {"main", "Main"}
"""Keywords, entry points, and library names of many words: no student chose them."""

_CAMEL = re.compile(r"[A-Z]++(?![a-z])|[A-Z]?[a-z]++|\d++|[^A-Za-z\d]++")
_LIST_SEPARATOR = re.compile(r"\s*+(?:=\s*+-?[\w.]*+\s*+)?[,:]?[\s*&]*+")
_PLACEHOLDER = re.compile(r"\{[^{}\"'`\n]{0,40}\}")


def split_name(name: str) -> list[str]:
    """The words of a name: `give_fullMarks2` is give, full, Marks, 2."""
    return [part for piece in name.split("_") for part in _CAMEL.findall(piece)]


def long_names(text: str, spans: Sequence[Span]) -> list[str]:
    """The names to replace, in the order of their first use."""
    names = [text[span.start : span.end] for span in spans if span.kind == "name"]
    prose = {name for run in (*_runs(text, spans), *_lists(text, spans)) for name in run}
    return [name for name in dict.fromkeys(names) if name not in NOT_RENAMED and (name in prose or _is_long(name))]


def neutral_names(names: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """A new name for each: `name1` and so on, capitalised as the old one was; none of those in `taken`."""
    used, new = set(taken), dict[str, str]()
    for number, name in enumerate(dict.fromkeys(names), start=1):
        fresh = f"NAME{number}" if name.isupper() else f"Name{number}" if name[:1].isupper() else f"name{number}"
        while fresh in used:
            fresh += "_"
        used.add(fresh)
        new[name] = fresh
    return new


def renamed_placeholders(literal: str, new: Mapping[str, str]) -> str:
    """A literal with the names in its placeholders replaced: `f"{give_full_marks}"`."""
    return _PLACEHOLDER.sub(lambda part: re.sub(r"\w+", lambda name: new.get(name[0], name[0]), part[0]), literal)


def _is_long(name: str) -> bool:
    return len(name) > MANY_CHARS or len([word for word in split_name(name) if word.isalpha()]) >= MANY_WORDS


def _runs(text: str, spans: Sequence[Span]) -> Iterator[list[str]]:
    """Sequences of at least `RUN_NAMES` names on one line with only spaces between them; a keyword ends a sequence."""
    run: list[str] = []
    last = 0
    for span in spans:
        name = text[span.start : span.end]
        follows = not text[last : span.start].strip(" \t")
        if run and (span.kind != "name" or name in KEYWORDS or not follows):
            yield from [run] if len(run) >= RUN_NAMES else []
            run = []
        if span.kind == "name" and name not in KEYWORDS:
            run.append(name)
        last = span.end
    yield from [run] if len(run) >= RUN_NAMES else []


def _lists(text: str, spans: Sequence[Span]) -> Iterator[list[str]]:
    """Lists of at least `LIST_NAMES` different names: `int Please, Be, So, Kind;`. Single letters do not count."""
    group: list[str] = []
    last = 0
    for span in spans:
        name = text[span.start : span.end]
        if group and (span.kind != "name" or not _LIST_SEPARATOR.fullmatch(text, last, span.start)):
            yield from [group] if len(set(group)) >= LIST_NAMES else []
            group = []
        if span.kind == "name" and len(name) > 1 and name not in KEYWORDS:
            group.append(name)
        last = span.end
    yield from [group] if len(set(group)) >= LIST_NAMES else []
