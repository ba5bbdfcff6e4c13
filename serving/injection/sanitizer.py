"""The same program without the text through which a student could talk to a grader. Knows no engine and no grade.

It does not ask what the detector found: every program loses the same places, so that a plea in words that nobody
thought of is lost too. What remains is what a compiler reads, in the same lines.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from labs_schema.models import SourceFile, Submission
from labs_schema.source.dead_code import Range, dropped_ranges
from labs_schema.source.languages import SOURCE_EXTENSIONS, extension
from labs_schema.source.lexer import Span, lex
from serving.injection.characters import folded, without_controls
from serving.injection.identifiers import neutral_names, renamed, telling_names
from serving.injection.literals import Piece, masked_comments, masked_strings
from serving.injection.unused_declarations import unused_declarations, uses
from serving.injection.words import words

NAME, NAME_WORDS = 24, 3
"""Characters and words of an ordinary file name, with its folders and without its extension."""

_QUOTED = re.compile(r"\"([^\"\n]*)\"")
_IMPORTS = re.compile(r"^[ \t]*+(?:from|import)[ \t]++([\w., \t]++)", re.M)
_WORDS = re.compile(r"\w+")
_NAME_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")


def sanitized(submission: Submission, language: str) -> Submission:
    """`submission` for the second reading: comments, long strings, telling names, file names, `#if 0` blocks and unused
    declarations masked.

    Every line stays in its place, and names are replaced alike in all files. Deterministic; never raises.
    """
    texts = [_drawn_plainly(file.text, language) for file in submission.files]
    lexed = [lex(text, language) for text in texts]
    paths = _neutral_paths(submission)
    taken = [text[span.start : span.end] for text, found in zip(texts, lexed, strict=True) for span in found]
    telling = [name for text, found in zip(texts, lexed, strict=True) for name in telling_names(text, found)]
    new = neutral_names(telling, taken) | _modules(texts, paths, language)
    used = uses(zip(texts, lexed, strict=True))
    files = []
    for file, text, found in zip(submission.files, texts, lexed, strict=True):
        dropped = [*dropped_ranges(text, language, found), *unused_declarations(text, found, language, used)]
        files.append(SourceFile(path=paths[file.path], text=_masked(text, found, dropped, new, paths)))
    return submission.model_copy(update={"files": tuple(files)})


def _masked(text: str, found: Sequence[Span], dropped: list[Range], new: dict[str, str], paths: dict[str, str]) -> str:
    strings = {(start, end): after for start, end, after in masked_strings(text, found)}
    pieces = list(masked_comments(text, found))
    for span in found:
        old = text[span.start : span.end]
        if span.kind == "name" and old in new:
            pieces.append((span.start, span.end, new[old]))
        elif span.kind == "string":
            pieces.append((span.start, span.end, renamed(strings.get((span.start, span.end), old), new)))
        elif span.kind == "include":
            pieces.append((span.start, span.end, _include(old, paths)))
    pieces += [(start, end, "\n" * text.count("\n", start, end)) for start, end in dropped]
    return _replaced(text, sorted(pieces, key=lambda piece: (piece[0], -piece[1])))


def _replaced(text: str, pieces: list[Piece]) -> str:
    """`text` with the pieces put in; one that begins within another is left out."""
    parts, last = [], 0
    for start, end, new in pieces:
        if start >= last:
            parts += [text[last:start], new]
            last = end
    return "".join([*parts, text[last:]])


def _drawn_plainly(text: str, language: str) -> str:
    """No invisible characters; names in Latin letters where they only look so. Strings are masked by themselves."""
    text = without_controls(text)
    if text.isascii():
        return text
    pieces = [
        (span.start, span.end, re.sub(r"\W", "_", folded(text[span.start : span.end])))
        for span in lex(text, language)
        if span.kind == "name" and not text[span.start : span.end].isascii()
    ]
    return _replaced(text, pieces)


def _neutral_paths(submission: Submission) -> dict[str, str]:
    """Path -> itself where it is an ordinary one; else `file1.c`: its number in the submission, and its extension where
    it is one of source code."""
    kept = {file.path: file.path for file in submission.files if _ordinary(file.path)}
    paths: dict[str, str] = {}
    for number, path in enumerate((file.path for file in submission.files), 1):
        suffix = extension(path) if extension(path) in SOURCE_EXTENSIONS else ""
        new = f"file{number}{suffix}"
        while new in kept:
            new = f"_{new}"
        paths[path] = kept.get(path, new)
    return paths


def _ordinary(path: str) -> bool:
    """Short, of a source file, and with at most one word that a grader might be told: `max_of_three.c`."""
    stem, suffix = path[: -len(extension(path))], extension(path)
    few = len(stem) <= NAME and len(_NAME_WORD.findall(stem)) <= NAME_WORDS
    return few and path.isascii() and suffix in SOURCE_EXTENSIONS and sum(bool(w.meanings) for w in words(stem)) < 2


def _include(line: str, paths: dict[str, str]) -> str:
    """An `#include` of the student's own file under its new name, of another with nothing behind it."""
    own = {PurePosixPath(path).name: f'"{new}"' for path, new in paths.items() if new != path}
    kept_names = {PurePosixPath(path).name for path, new in paths.items() if new == path}

    def named(match: re.Match[str]) -> str:
        name = PurePosixPath(match[1]).name
        return match[0] if name in kept_names else own.get(name, '"other.h"')

    directive = re.match(r"[ \t]*#[ \t]*\w+[ \t]*(?:<[\w./+-]{1,40}>|\"[^\"\n]*\")?", line)
    kept = directive[0] if directive else ""
    return _QUOTED.sub(named, kept)


def _modules(texts: list[str], paths: dict[str, str], language: str) -> dict[str, str]:
    """Python's modules are named after files: new names for those that are imported."""
    if language != "Python":
        return {}
    imported = {word for text in texts for match in _IMPORTS.finditer(text) for word in _WORDS.findall(match[1])}
    stems = {PurePosixPath(path).stem: PurePosixPath(new).stem for path, new in paths.items() if new != path}
    return {stem: new for stem, new in stems.items() if stem in imported}
