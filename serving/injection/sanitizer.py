"""A copy of a submission without the places that can carry text to a grader, for the verification pass.

Text is removed by its form alone and never by its meaning, so that an injected prompt that evades the detector does not
evade the verification pass as well. An import contract keeps the detector and its phrases out of this module.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from labs_schema.models import SourceFile, Submission
from labs_schema.observations import CheckResult, SubmissionObservations
from labs_schema.source.dead_code import Range, dead_ranges
from labs_schema.source.languages import SOURCE_EXTENSIONS, extension
from labs_schema.source.lexer import Span, lex
from labs_schema.source.replacing import Replacement, replaced
from serving.injection.characters import folded, without_controls
from serving.injection.identifiers import long_names, neutral_names, renamed_placeholders, split_name
from serving.injection.literals import masked_literals
from serving.injection.unused_declarations import unused_declarations, uses

FILE_NAME_CHARS, FILE_NAME_WORDS = 24, 3
"""Characters and words of an ordinary file name, with its folders and without its extension."""
OUTPUT_WORDS = 1
"""Words of an ordinary output besides those that are expected."""
_WORD = re.compile(r"[^\W\d_]+")
_MARKUP = frozenset('"`{}[]<>|\\$#')

_QUOTED = re.compile(r"\"([^\"\n]*)\"")
_DIRECTIVE = re.compile(r"[ \t]*#[ \t]*\w+[ \t]*(?:<[\w./+-]{1,40}>|\"[^\"\n]*\")?")
_IMPORTS = re.compile(r"^[ \t]*+(?:from|import)[ \t]++([\w., \t]++)", re.M)


def sanitized(submission: Submission, language: str) -> Submission:
    """`submission` without comments, long literals, long names, dead code, unused declarations and texts of outputs.

    Every line keeps its number, and a name is replaced alike in all files. Deterministic; never raises.
    """
    texts = [_normalised(file.text, language) for file in submission.files]
    lexed = [lex(text, language) for text in texts]
    paths = _neutral_paths(submission)
    taken = [text[span.start : span.end] for text, found in zip(texts, lexed, strict=True) for span in found]
    long = [name for text, found in zip(texts, lexed, strict=True) for name in long_names(text, found)]
    names = neutral_names(long, taken) | _modules(texts, paths, language)
    used = uses(zip(texts, lexed, strict=True))
    files = []
    for file, text, found in zip(submission.files, texts, lexed, strict=True):
        dropped = [*dead_ranges(text, language, found), *unused_declarations(text, found, language, used)]
        pieces = [*_replacements(text, found, names, paths), *_blank(text, dropped)]
        files.append(SourceFile(path=paths[file.path], text=replaced(text, pieces)))
    observations = submission.observations and _without_free_text(submission.observations)
    return submission.model_copy(update={"files": tuple(files), "observations": observations})


def _without_free_text(observations: SubmissionObservations) -> SubmissionObservations:
    """Outcomes stay. Texts of the program stay where they could not carry a sentence: see `_is_plain`."""

    def sanitized_result(result: CheckResult) -> CheckResult:
        expected = result.expected or ""
        texts = {name: text for name in ("actual", "message") if (text := getattr(result, name)) is not None}
        removed = {name: "" for name, text in texts.items() if not _is_plain(text, expected)}
        found = tuple(each.model_copy(update={"text": "", "filename": ""}) for each in result.diagnostics)
        return result.model_copy(update={**removed, "diagnostics": found})

    return observations.model_copy(update={"results": tuple(map(sanitized_result, observations.results))})


def _is_plain(text: str, expected: str) -> bool:
    """Whether `text` has at most `OUTPUT_WORDS` words, and no brackets or quotes, besides those that are expected."""
    known = set(_WORD.findall(expected.casefold()))
    unknown = sum(word not in known for word in _WORD.findall(text.casefold()))
    return text.isascii() and unknown <= OUTPUT_WORDS and not set(text) & _MARKUP - set(expected)


def _replacements(
    text: str, found: Sequence[Span], names: dict[str, str], paths: dict[str, str]
) -> Iterator[Replacement]:
    literals = {(start, end): new for start, end, new in masked_literals(text, found)}
    for span in found:
        old = text[span.start : span.end]
        lines = "\n" * old.count("\n")
        if span.kind == "comment":
            yield span.start, span.end, lines or " "
        elif span.kind == "docstring":
            yield span.start, span.end, f'"""{lines}"""'
        elif span.kind == "string":
            yield span.start, span.end, renamed_placeholders(literals.get((span.start, span.end), old), names)
        elif span.kind == "include":
            yield span.start, span.end, _include(old, paths)
        elif old in names:
            yield span.start, span.end, names[old]


def _blank(text: str, ranges: Sequence[Range]) -> Iterator[Replacement]:
    return ((start, end, "\n" * text.count("\n", start, end)) for start, end in ranges)


def _normalised(text: str, language: str) -> str:
    """No invisible characters, and names in ASCII letters. Literals are masked anyway if they are not ASCII."""
    text = without_controls(text)
    if text.isascii():
        return text
    pieces = [
        (span.start, span.end, re.sub(r"\W", "_", folded(text[span.start : span.end])))
        for span in lex(text, language)
        if span.kind == "name" and not text[span.start : span.end].isascii()
    ]
    return replaced(text, pieces)


def _neutral_paths(submission: Submission) -> dict[str, str]:
    """Path -> itself if it is an ordinary one, else its number in the submission and its extension: `file1.c`."""
    ordinary = {file.path: file.path for file in submission.files if _is_ordinary(file.path)}
    paths: dict[str, str] = {}
    for number, path in enumerate((file.path for file in submission.files), 1):
        suffix = extension(path) if extension(path) in SOURCE_EXTENSIONS else ""
        new = f"file{number}{suffix}"
        while new in ordinary:
            new = f"_{new}"
        paths[path] = ordinary.get(path, new)
    return paths


def _is_ordinary(path: str) -> bool:
    """Whether the path is an ASCII one of a source file, short and of few words: `max_of_three.c`."""
    stem, suffix = path[: -len(extension(path))], extension(path)
    words = [word for piece in re.findall(r"\w+", stem) for word in split_name(piece)]
    return (
        path.isascii()
        and suffix in SOURCE_EXTENSIONS
        and len(stem) <= FILE_NAME_CHARS
        and len(words) <= FILE_NAME_WORDS
    )


def _include(line: str, paths: dict[str, str]) -> str:
    """The `#include` of a submission's own file under its new name, with nothing behind it."""
    renamed = {PurePosixPath(path).name: PurePosixPath(new).name for path, new in paths.items()}
    directive = _DIRECTIVE.match(line)
    return _QUOTED.sub(
        lambda match: f'"{renamed.get(PurePosixPath(match[1]).name, "other.h")}"', directive[0] if directive else ""
    )


def _modules(texts: list[str], paths: dict[str, str], language: str) -> dict[str, str]:
    """New names for imported Python modules whose file got a new name."""
    if language != "Python":
        return {}
    imported = {word for text in texts for match in _IMPORTS.finditer(text) for word in re.findall(r"\w+", match[1])}
    stems = {PurePosixPath(path).stem: PurePosixPath(new).stem for path, new in paths.items() if new != path}
    return {stem: new for stem, new in stems.items() if stem in imported}
