"""What a model is not shown of a program: the words that name a student. Everything outside of comments stays as it is,
but in a language whose comments are not known.

Looking and hiding are two steps. Whoever takes in a program notes in `Submission.hidden` which of its words name
somebody, when the roster and the student's id are at hand; every prompt hides them, and so does every later replay,
which has neither. Comments, docstrings and what `#if 0` drops are looked at, and the paths of files, also of those that
are included; other strings are what a program does, and stay, as do the names in its code. Line numbers never change.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from labs_schema.models import Person, SourceFile, Submission
from labs_schema.privacy.name_matching import Names
from labs_schema.privacy.name_tokens import LETTERS_ALONE, MARKS, VOWEL_SIGNS
from labs_schema.source.dead_code import dropped_ranges
from labs_schema.source.languages import LANGUAGES, OWN_EXTENSIONS, extension
from labs_schema.source.lexer import Span, lex

HIDING_VERSION = 3
"""To be raised when the same words are hidden in another way."""
IN_PLACE_OF_A_NAME = "student"
_SAID = ("comment", "docstring")
_BEGINNING = re.compile(rf"[{LETTERS_ALONE}]|[^\W_{LETTERS_ALONE}]+")
_LETTER = re.compile(rf"[^\W_{LETTERS_ALONE}]|[{MARKS}{VOWEL_SIGNS}]")
_LINE_END = re.compile(r"([^\w\n]*\n[^\w\n]*)")
_INCLUDED = re.compile(r'"([^"\n]*)')


class Said(NamedTuple):
    """`text[start:end]` is for a reader and not for the compiler, or a file's `path`."""

    start: int
    end: int
    path: bool = False


def noted(submission: Submission, language: str, names: Names) -> Submission:
    """`submission` with the words in it by which `names` know somebody, and those that were noted before."""
    found = set(submission.hidden)
    for file in submission.files if names else ():
        found.update(file.path[place.start : place.end] for place in names.places(file.path, path=True))
        for start, end, path in said_in(file, language):
            text = file.text[start:end]
            found.update(text[place.start : place.end] for place in names.places(text, path=path))
    return submission.model_copy(update={"hidden": tuple(sorted(found))}) if found else submission


@lru_cache(maxsize=32)
def names_of(roster: tuple[Person, ...]) -> Names:
    """A roster's names, made ready once for all who ask."""
    return Names(roster)


def person_of(student: str, folder: str = "") -> Person:
    """All that is known of a student without a roster: the id, and the name of the folder of the work."""
    return Person(ids=tuple(dict.fromkeys(filter(None, (student, folder)))))


def shown_files(submission: Submission, language: str) -> tuple[SourceFile, ...]:
    """The files as a prompt has them."""
    if not submission.hidden:
        return submission.files
    words = _Words(submission.hidden)
    return tuple(
        SourceFile(path=words.hidden_in(file.path), text=_hidden(file, language, words)) for file in submission.files
    )


def hidden_in_prose(text: str, names: Names) -> str:
    """A person's remark without the names in it."""
    pieces, end = [], 0
    for place in names.places(text):
        pieces += [text[end : place.start], _in_place_of(text[place.start : place.end])]
        end = place.end
    return "".join([*pieces, text[end:]])


def _hidden(file: SourceFile, language: str, words: "_Words") -> str:
    pieces, end = [], 0
    for start, after, _ in said_in(file, language):
        pieces += [file.text[end:start], words.hidden_in(file.text[start:after])]
        end = after
    return "".join([*pieces, file.text[end:]])


def said_in(file: SourceFile, language: str) -> list[Said]:
    """In order, without overlap; what has only blanks between is one. By the file's own language, as its extension
    tells it: a program in another one than the lab's has other comments. Nobody knows those of a language that is not
    known: all of it."""
    own = (name for name, extensions in OWN_EXTENSIONS.items() if extension(file.path) in extensions)
    spoken = next(own, language)
    if spoken not in LANGUAGES:
        return [Said(0, len(file.text))]
    found = lex(file.text, spoken)
    dropped = (Said(*each) for each in dropped_ranges(file.text, spoken, found))
    return _together(file.text, sorted([*_spoken(file.text, found), *dropped]))


def _spoken(text: str, found: Iterable[Span]) -> Iterator[Said]:
    for span in found:
        if span.kind in _SAID:
            yield Said(span.start, span.end)
        elif span.kind == "include" and (path := _INCLUDED.search(text, span.start, span.end)):
            yield Said(*path.span(1), path=True)


def _together(text: str, places: Iterable[Said]) -> list[Said]:
    """A name may begin in one comment and end in the next."""
    found: list[Said] = []
    for each in places:
        last = found[-1] if found else None
        if last and each.start < last.end:
            found[-1] = last._replace(end=max(last.end, each.end))
        elif last and not last.path and not each.path and not text[last.end : each.start].strip():
            found[-1] = last._replace(end=each.end)
        else:
            found.append(each)
    return found


def _in_place_of(word: str) -> str:
    """A name that goes over the ends of lines leaves them, and the borders there, where they are."""
    pieces = _LINE_END.split(word)
    return "".join(piece if i % 2 else IN_PLACE_OF_A_NAME for i, piece in enumerate(pieces))


class _Words:
    """What to hide, by how it begins and how long it is: a roster of a thousand in one comment, or one name with blanks
    in a thousand ways, takes no longer than one name."""

    def __init__(self, words: Iterable[str]) -> None:
        self._by_beginning: dict[str, dict[int, set[str]]] = {}
        for word in sorted(words, key=len, reverse=True):
            if beginning := _BEGINNING.match(word):
                self._by_beginning.setdefault(beginning.group(), {}).setdefault(len(word), set()).add(word)

    def hidden_in(self, text: str) -> str:
        pieces, end = [], 0
        for match in _BEGINNING.finditer(text):
            if match.start() >= end and (word := self._at(text, match)):
                pieces += [text[end : match.start()], _in_place_of(word)]
                end = match.start() + len(word)
        return "".join([*pieces, text[end:]])

    def _at(self, text: str, match: re.Match[str]) -> str | None:
        for length, words in self._by_beginning.get(match.group(), {}).items():
            word = text[match.start() : match.start() + length]
            if word in words and _ends(text, match, word):
                return word
        return None


def _ends(text: str, match: re.Match[str], word: str) -> bool:
    """Whether no letter follows that belongs to the same word."""
    end = match.start() + len(word)
    return end >= len(text) or not (_LETTER.match(word[-1]) and _LETTER.match(text[end]))
