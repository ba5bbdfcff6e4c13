"""The languages a lab may be written in, known by their files' extensions. Knows no folders."""

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
"""Extensions that tell a lab's language."""

SHARED_EXTENSIONS = {"C": (".h",), "C++": (".h", ".c")}
"""Extensions that are read with a language but do not tell it."""

LANGUAGES = tuple(OWN_EXTENSIONS)
SOURCE_EXTENSIONS = frozenset(extension for own in OWN_EXTENSIONS.values() for extension in own) | {".h"}
UNKNOWN = "unknown"


def extension(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


def named(language: str) -> str | None:
    """The language as this project spells it, or None: `c++` is `C++`."""
    return next((name for name in LANGUAGES if name.lower() == language.strip().lower()), None)


def belongs(path: str, language: str) -> bool:
    return extension(path) in (*OWN_EXTENSIONS.get(language, ()), *SHARED_EXTENSIONS.get(language, ()))


def likely(submissions: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The language most submissions are written in, several where they tie, none where no file tells one.

    `submissions` are the file paths of each. A submission votes for the language most of its files are in, so one
    student with forty files counts once.
    """
    votes: Counter[str] = Counter()
    for paths in submissions:
        own = Counter(language for path in paths for language, own in OWN_EXTENSIONS.items() if extension(path) in own)
        votes.update(language for language in own if own[language] == max(own.values()))
    return tuple(language for language in LANGUAGES if votes[language] and votes[language] == max(votes.values()))
