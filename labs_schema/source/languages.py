"""Supported programming languages and their file extensions."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

OWN_EXTENSIONS = {
    "C": (".c",),
    "C++": (".cpp", ".cc", ".cxx", ".c++", ".hpp", ".hh", ".hxx"),
    "Java": (".java",),
    "Python": (".py",),
    "JavaScript": (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx"),
    "Go": (".go",),
    "Rust": (".rs",),
}
"""Extensions that identify a language."""

SHARED_EXTENSIONS = {"C": (".h",), "C++": (".h", ".c")}
"""Extensions that belong to a language without identifying it."""

LANGUAGES = tuple(OWN_EXTENSIONS)
SOURCE_EXTENSIONS = frozenset(extension for own in OWN_EXTENSIONS.values() for extension in own) | {".h"}
UNKNOWN = "unknown"


def extension(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


def canonical_name(language: str) -> str | None:
    """The language in this project's spelling (`C++` for ` c++`), or None if it is unsupported."""
    return next((name for name in LANGUAGES if name.lower() == language.strip().lower()), None)


def belongs_to(path: str, language: str) -> bool:
    return extension(path) in (*OWN_EXTENSIONS.get(language, ()), *SHARED_EXTENSIONS.get(language, ()))


def majority_languages(submissions: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The language of most submissions: several if they tie, none if no file identifies one.

    `submissions` are the file paths of each. A submission has one vote, for the language of most of its files, so a
    student with forty files counts once.
    """
    votes: Counter[str] = Counter()
    for paths in submissions:
        own = Counter(language for path in paths for language, own in OWN_EXTENSIONS.items() if extension(path) in own)
        votes.update(language for language in own if own[language] == max(own.values()))
    return tuple(language for language in LANGUAGES if votes[language] and votes[language] == max(votes.values()))
