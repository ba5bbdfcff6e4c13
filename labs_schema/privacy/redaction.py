"""Redaction: replaces student names in a program's comments before a model sees them.

Finding and replacing are separate steps. `with_redactions` runs at intake, where the roster and the student id are
known, and stores the matched words in `Submission.redactions`. `redacted_files` replaces them in every prompt, even if
a grade is replayed later without the roster. In observations, which are not part of the program, names are replaced at
once.

Names are searched in comments, docstrings, code disabled by `#if 0`, file paths and quoted include paths. Identifiers
and string literals stay: changing them would change the program. In an unknown language the entire text is searched.
Line numbers never change.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple, TypeVar

from labs_schema.models import Person, SourceFile, Submission
from labs_schema.observations import CheckResult, Diagnostic, SubmissionObservations
from labs_schema.privacy.name_matching import NameMatcher
from labs_schema.privacy.name_tokens import ACCENTS, UNSPACED_SCRIPTS, VOWEL_SIGNS
from labs_schema.source.dead_code import dropped_ranges
from labs_schema.source.languages import LANGUAGES, language_of
from labs_schema.source.lexer import Span, lex
from labs_schema.source.replacing import replaced

REDACTION_VERSION = 3
"""Increment when the same words are replaced differently: it is part of a grade's settings hash."""
REPLACEMENT = "student"
OBSERVED_TEXTS = frozenset({"input", "arguments", "expected", "actual", "message", "filename", "text"})
Record = TypeVar("Record", CheckResult, Diagnostic)
_BEGINNING = re.compile(rf"[{UNSPACED_SCRIPTS}]|[^\W_{UNSPACED_SCRIPTS}]+")
_LETTER = re.compile(rf"[^\W_{UNSPACED_SCRIPTS}]|[{ACCENTS}{VOWEL_SIGNS}]")
_LINE_END = re.compile(r"([^\w\n]*\n[^\w\n]*)")
_INCLUDED = re.compile(r'"([^"\n]*)')


class ProseRange(NamedTuple):
    """`text[start:end]` is read by people and ignored by the compiler, or is an included file's `path`."""

    start: int
    end: int
    path: bool = False


def with_redactions(submission: Submission, language: str, *matchers: NameMatcher) -> Submission:
    """`submission` with the words that match a name added to its `redactions`, and replaced in its observations."""
    if submission.observations is not None:
        observed = submission.observations
        for names in filter(None, matchers):
            observed = _redacted(observed, names)
        submission = submission.model_copy(update={"observations": observed})
    words = set(submission.redactions)
    for file in submission.files if any(matchers) else ():
        ranges = prose_ranges(file, language)
        for names in filter(None, matchers):
            words.update(file.path[match.start : match.end] for match in names.find(file.path, path=True))
            for start, end, path in ranges:
                text = file.text[start:end]
                words.update(text[match.start : match.end] for match in names.find(text, path=path))
    return submission.model_copy(update={"redactions": tuple(sorted(words))}) if words else submission


@lru_cache(maxsize=32)
def roster_names(roster: tuple[Person, ...]) -> NameMatcher:
    """A matcher for the names of a roster, cached because a service uses the same roster for every request."""
    return NameMatcher(roster)


def person_from_id(student: str, folder: str = "") -> Person:
    """The known identifiers of a student who is not on a roster: the id and the submission folder's name."""
    return Person(ids=tuple(dict.fromkeys(filter(None, (student, folder)))))


def redacted_files(submission: Submission, language: str) -> tuple[SourceFile, ...]:
    """The files as prompts show them. Idempotent."""
    if not submission.redactions:
        return submission.files
    words = _WordIndex(submission.redactions)
    return tuple(
        SourceFile(path=words.redact(file.path), text=_redact(file, language, words)) for file in submission.files
    )


def redact_prose(text: str, names: NameMatcher) -> str:
    """A TA's comment with the names in it replaced."""
    return replaced(text, ((start, end, _replacement(text[start:end])) for start, end in names.find(text)))


def _redacted(observations: SubmissionObservations, names: NameMatcher) -> SubmissionObservations:
    """The observations with the names in all of their texts replaced."""

    def redacted(record: Record) -> Record:
        texts = {name: text for name, text in record if isinstance(text, str) and name in OBSERVED_TEXTS}
        changed = {name: new for name, text in texts.items() if (new := redact_prose(text, names)) != text}
        return record.model_copy(update=changed) if changed else record

    results = tuple(
        redacted(each).model_copy(update={"diagnostics": tuple(map(redacted, each.diagnostics))})
        for each in observations.results
    )
    return observations.model_copy(update={"results": results})


def prose_ranges(file: SourceFile, language: str) -> list[ProseRange]:
    """The ranges to search, in order, without overlap; ranges separated only by spaces are merged.

    The file's extension decides its language, because a submission may contain files in other languages than the lab's.
    """
    file_language = language_of(file.path, language)
    if file_language not in LANGUAGES:
        return [ProseRange(0, len(file.text))]
    spans = lex(file.text, file_language)
    dropped = (ProseRange(*each) for each in dropped_ranges(file.text, file_language, spans))
    return _merged(file.text, sorted([*_prose(file.text, spans), *dropped]))


def _redact(file: SourceFile, language: str, words: "_WordIndex") -> str:
    ranges = prose_ranges(file, language)
    return replaced(file.text, ((start, end, words.redact(file.text[start:end])) for start, end, _ in ranges))


def _prose(text: str, spans: Iterable[Span]) -> Iterator[ProseRange]:
    for span in spans:
        if span.kind in ("comment", "docstring"):
            yield ProseRange(span.start, span.end)
        elif span.kind == "include" and (path := _INCLUDED.search(text, span.start, span.end)):
            yield ProseRange(*path.span(1), path=True)


def _merged(text: str, ranges: Iterable[ProseRange]) -> list[ProseRange]:
    """A name may start in one comment and end in the next, so adjacent comments are one range."""
    merged: list[ProseRange] = []
    for each in ranges:
        last = merged[-1] if merged else None
        if last and each.start < last.end:
            merged[-1] = last._replace(end=max(last.end, each.end))
        elif last and not last.path and not each.path and not text[last.end : each.start].strip():
            merged[-1] = last._replace(end=each.end)
        else:
            merged.append(each)
    return merged


def _replacement(word: str) -> str:
    """A name that spans lines keeps its line breaks and comment borders, so line numbers stay the same."""
    pieces = _LINE_END.split(word)
    return "".join(piece if i % 2 else REPLACEMENT for i, piece in enumerate(pieces))


class _WordIndex:
    """Redacted words indexed by their first word and length, so that time does not depend on how many there are."""

    def __init__(self, words: Iterable[str]) -> None:
        self._by_beginning: dict[str, dict[int, set[str]]] = {}
        for word in sorted(words, key=len, reverse=True):
            if beginning := _BEGINNING.match(word):
                self._by_beginning.setdefault(beginning.group(), {}).setdefault(len(word), set()).add(word)

    def redact(self, text: str) -> str:
        found = ((match.start(), self._longest_at(text, match)) for match in _BEGINNING.finditer(text))
        return replaced(text, ((start, start + len(word), _replacement(word)) for start, word in found if word))

    def _longest_at(self, text: str, match: re.Match[str]) -> str | None:
        for length, words in self._by_beginning.get(match.group(), {}).items():
            word = text[match.start() : match.start() + length]
            if word in words and _ends_word(text, match.start() + len(word)):
                return word
        return None


def _ends_word(text: str, end: int) -> bool:
    """Whether no letter of the same word follows at `end`."""
    return end >= len(text) or not (_LETTER.match(text[end - 1]) and _LETTER.match(text[end]))
