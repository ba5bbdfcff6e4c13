"""Finds text in a submission that addresses the grader: by its form, or by a phrase of `phrases.yaml`.

A finding sends a submission to human review and changes nothing else. The time is proportional to the length.
"""

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal

from labs_schema.frozen import Frozen
from labs_schema.models import SourceFile, Submission
from labs_schema.observations import CheckResult
from labs_schema.source.lexer import Span, lex
from serving.injection.characters import DIRECTION, INVISIBLE, homoglyph_words, without_controls
from serving.injection.encodings import decoded_texts, unescaped
from serving.injection.literals import concatenated, literal_parts
from serving.injection.phrases import BREAK, Token, backwards, find_glued, find_phrases, name_words, words

MAX_FINDINGS = 20
"""Findings per file: enough for a reviewer, and a bound for hostile files."""
HIDDEN_WORDS = 8
"""Encoded text of at least this many words is always reported."""

COMPUTED_WORDS = 3
"""Words in an output that the program did not have as text: honest programs print what is in their strings."""
_LONG_WORD = re.compile(r"[^\W\d_]{3,}")

Kind = Literal[
    "comment",
    "docstring",
    "string",
    "identifier",
    "file name",
    "chat markup",
    "homoglyphs",
    "text direction",
    "invisible characters",
    "encoded text",
    "program output",
]

# An injected prompt often imitates the structure around the text it is in: Greshake et al., "Not what you've signed up
# for" (2023), Jiang et al., "ChatBug" (2024).
_MARKUP = re.compile(
    r"<[|\uff5c][\w\u2581 ]{1,40}[|\uff5c]>|\[/?INST\]|<</?SYS>>|\[/?SYSTEM(?:_PROMPT)?\]|<(?:start|end)_of_turn>"
    r"|</?(?i:student-(?:code|file|observations)|system|assistant|grader|rubric)\b|<think>"
    r"|(?i:\\*[\"'](?:answer|verdict|rating)\\*[\"']\s{0,3}:\s{0,3}\\*[\"'])[A-H]\\*[\"']"
    r"|\brubric_(?:ratings|comments)\b|\#{2,4} ?(?i:instruction|response|system|assistant)\b"
)
_FORMATS = re.compile(r"\\[abfnrtv0\n]|%[-+ #0-9.*]*[hlLzjt]*[a-zA-Z]")


class Finding(Frozen):
    """A place that may address the grader; its text is never quoted.

    `path` is the submission's own file name, or the name of the check whose output it is in. `line` counts from 1, None
    for what is in a file's name or an output.
    """

    kind: Kind
    path: str
    line: int | None = None

    @property
    def place(self) -> str:
        """`comment at main.c:3`."""
        return f"{self.kind} at {self.path if self.line is None else f'{self.path}:{self.line}'}"


def detect(submission: Submission, language: str) -> tuple[Finding, ...]:
    """All findings in the order of files and lines, at most `MAX_FINDINGS` a file, then those in observed outputs."""
    found = [finding for file in submission.files for finding in _in_file(file, language)]
    return (*found, *islice(_in_outputs(submission), MAX_FINDINGS))


def _in_outputs(submission: Submission) -> Iterator[Finding]:
    """Outputs and diagnostics, which a program can compute so that its source shows nothing."""
    for result in submission.observations.results if submission.observations else ():
        texts = [result.actual, result.message, *(each.text for each in result.diagnostics)]
        if any(_addresses_grader(text) for text in texts if text) or _is_computed(submission, result):
            yield Finding(kind="program output", path=result.check)


def _is_computed(submission: Submission, result: CheckResult) -> bool:
    """Whether the program printed words that are neither in its source nor in what it read or was to print."""
    printed = set(_LONG_WORD.findall((result.actual or "").casefold()))
    if len(printed) < COMPUTED_WORDS:
        return False
    sources = [*(file.text for file in submission.files), result.input, result.arguments, result.expected]
    return len(printed.difference(*(_LONG_WORD.findall(text.casefold()) for text in sources if text))) >= COMPUTED_WORDS


def _addresses_grader(text: str) -> bool:
    plain = without_controls(text)
    return (
        next(find_phrases(list(words(plain)), printed=True), None) is not None
        or _MARKUP.search(plain) is not None
        or next(_odd_characters(text), None) is not None
    )


def _in_file(file: SourceFile, language: str) -> Iterator[Finding]:
    text = without_controls(file.text)
    found = lex(text, language)
    line, raw_line = _LineNumbers(text), _LineNumbers(file.text)
    if _is_suspicious_name(file.path):
        yield Finding(kind="file name", path=file.path)
    places = {(raw_line(offset), kind) for offset, kind in _odd_characters(file.text)}
    places |= {
        (line(offset), kind) for offset, kind in (*_phrases(text, found), *_markup(text, found), *_encoded(text, found))
    }
    for number, kind in islice(sorted(places), MAX_FINDINGS):
        yield Finding(kind=kind, path=file.path, line=number)


def _odd_characters(text: str) -> Iterator[tuple[int, Kind]]:
    if not text.isascii():
        yield from ((match.start(), "text direction") for match in DIRECTION.finditer(text))
        yield from ((match.start(), "invisible characters") for match in INVISIBLE.finditer(text))
        yield from ((match.start(), "homoglyphs") for match in homoglyph_words(text))


def _phrases(text: str, found: Sequence[Span]) -> Iterator[tuple[int, Kind]]:
    kinds: dict[int, Kind] = {span.start: span.kind for span in found if span.kind in ("comment", "docstring")}
    starts = sorted(kinds)
    for offset in find_phrases(_comment_words(text, found), printed=False):
        yield offset, kinds[starts[bisect_right(starts, offset) - 1]]
    yield from ((offset, "string") for offset in find_phrases(_string_words(text, found), printed=True))
    yield from ((offset, "identifier") for offset in find_phrases(_identifier_words(text, found), printed=True))
    for span in found:
        if span.kind == "name" and find_glued(text[span.start : span.end]):
            yield span.start, "identifier"


def _markup(text: str, found: Sequence[Span]) -> Iterator[tuple[int, Kind]]:
    for span in found:
        if span.kind in ("comment", "docstring", "string") and _MARKUP.search(text, span.start, span.end):
            yield span.start, "chat markup"


def _encoded(text: str, found: Sequence[Span]) -> Iterator[tuple[int, Kind]]:
    rotated = codecs.encode(text, "rot13")
    for each in (_comment_words, _string_words, _identifier_words):
        for tokens in (each(rotated, found), backwards(each(text, found))):
            yield from ((offset, "encoded text") for offset in find_phrases(tokens, printed=True))
    for payload in decoded_texts(text):
        inner = [each.text for each in decoded_texts(payload.text)]
        if any(len(each.split()) >= HIDDEN_WORDS or _has_phrase(each) for each in (payload.text, *inner)):
            yield payload.offset, "encoded text"


def _comment_words(text: str, found: Sequence[Span]) -> list[Token]:
    """The words of all comments as one text, so that a sentence may be spread over several of them."""
    tokens = []
    for span in found:
        if span.kind in ("comment", "docstring"):
            tokens += [*words(text[span.start : span.end], span.start), Token(span.end, BREAK)]
    return tokens


def _string_words(text: str, found: Sequence[Span]) -> list[Token]:
    """The words of all strings; literals that form one string are joined first."""
    tokens = []
    for group in concatenated(text, found):
        content = unescaped("".join(literal_parts(text[span.start : span.end])[1] for span in group))
        plain = _FORMATS.sub(lambda match: " " * len(match[0]), content)
        tokens += [Token(group[0].start, token.word) for token in words(plain)]
        tokens.append(Token(group[-1].end, BREAK))
    return tokens


def _identifier_words(text: str, found: Sequence[Span]) -> list[Token]:
    """The words of all identifiers, each once; a break where more than spaces separates two of them."""
    tokens: list[Token] = []
    seen: set[str] = set()
    last = 0
    for span in found:
        name = text[span.start : span.end]
        if span.kind == "name":
            if name not in seen:
                tokens += [Token(last, BREAK)] if text[last : span.start].strip() else []
                tokens += name_words(name, span.start)
                seen.add(name)
            last = span.end
    return tokens


def _has_phrase(text: str) -> bool:
    return next(find_phrases(list(words(text)), printed=False), None) is not None


def _is_suspicious_name(path: str) -> bool:
    tokens = [token for part in re.findall(r"\w+", path) for token in name_words(part)]
    return (
        without_controls(path) != path
        or bool(homoglyph_words(path))
        or next(find_phrases(tokens, printed=True), None) is not None
        or any(find_glued(part) for part in re.findall(r"\w+", path))
    )


class _LineNumbers:
    """Offsets to line numbers from 1."""

    def __init__(self, text: str) -> None:
        self.breaks = [offset for offset, char in enumerate(text) if char == "\n"]

    def __call__(self, offset: int) -> int:
        return 1 + bisect_right(self.breaks, offset - 1)
