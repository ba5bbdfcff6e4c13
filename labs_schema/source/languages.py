"""Supported programming languages and their file extensions."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

OWN_EXTENSIONS = {
    "C": (".c",),
    "C++": (
        ".cpp", ".cc", ".cxx", ".c++", ".hpp", ".hh", ".hxx", ".h++", ".tpp", ".ipp", ".inl", ".txx", ".tcc", ".cppm",
        ".ixx",
    ),
    "Java": (".java",),
    "Python": (".py", ".pyw", ".ipynb"),
    "JavaScript": (".js", ".mjs", ".cjs", ".jsx"),
    "TypeScript": (".ts", ".tsx", ".mts", ".cts"),
    "Go": (".go",),
    "Rust": (".rs",),
    "C#": (".cs", ".csx"),
    "Kotlin": (".kt", ".kts"),
    "Scala": (".scala", ".sc"),
    "Swift": (".swift",),
    "Objective-C": (".mm",),
    "PHP": (".php", ".phtml"),
    "Ruby": (".rb",),
    "Perl": (".pl", ".pm"),
    "R": (".r",),
    "MATLAB": (".m",),
    "SQL": (".sql",),
    "Bash": (".sh", ".bash", ".zsh", ".ksh"),
    "Haskell": (".hs",),
    "OCaml": (".ml", ".mli"),
    "Racket": (".rkt", ".rktl"),
    "Scheme": (".scm", ".ss", ".sld"),
    "Prolog": (".pro", ".prolog"),
    "Assembly": (".asm", ".s", ".nasm"),
}  # fmt: skip
"""Extensions that identify a language. `.m` is MATLAB or Octave unless the submission also has Objective-C's files."""

SHARED_EXTENSIONS = {
    "C": (".h",),
    "C++": (".h", ".c"),
    "Objective-C": (".m", ".h", ".c"),
    "JavaScript": (".ts", ".tsx"),
    "TypeScript": (".js", ".mjs", ".cjs", ".jsx"),
    "Prolog": (".pl",),
    "Racket": (".scm", ".ss"),
    "Scheme": (".rkt",),
}
"""Extensions that belong to a language without identifying it."""

ALIASES = {
    "assembler": "Assembly", "cpp": "C++", "csharp": "C#", "golang": "Go", "js": "JavaScript",
    "matlab/octave": "MATLAB", "octave": "MATLAB", "python3": "Python", "racket/scheme": "Racket", "shell": "Bash",
    "ts": "TypeScript",
}  # fmt: skip
"""Other usual names of languages, in lower case."""

LANGUAGES = tuple(OWN_EXTENSIONS)
SOURCE_EXTENSIONS = frozenset(extension for own in OWN_EXTENSIONS.values() for extension in own) | {".h"}
UNKNOWN = "unknown"
_OBJECTIVE_C = frozenset({".h", ".mm"})
_FAMILIES = (("C", "C++", "Objective-C"), ("JavaScript", "TypeScript"), ("Java", "Kotlin", "Scala"))


def extension(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


def canonical_name(language: str) -> str | None:
    """The language in this project's spelling (`C++` for ` c++`), or None if it is unsupported."""
    folded = language.strip().lower()
    return ALIASES.get(folded) or next((name for name in LANGUAGES if name.lower() == folded), None)


def belongs_to(path: str, language: str) -> bool:
    return extension(path) in (*OWN_EXTENSIONS.get(language, ()), *SHARED_EXTENSIONS.get(language, ()))


def language_of(path: str, language: str) -> str:
    """The language of a file in a lab in `language`, which decides on shared extensions such as `.h` and `.m`."""
    return language if belongs_to(path, language) else _OWNERS.get(extension(path), language)


def family(path: str) -> str:
    """A name shared by the languages that are compiled from and into one another; the extension of other files."""
    owner = "C" if extension(path) == ".h" else _OWNERS.get(extension(path), extension(path))
    return next((members[0] for members in _FAMILIES if owner in members), owner)


def majority_languages(submissions: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The language of most submissions: several if they tie, none if no file identifies one.

    `submissions` are the file paths of each. A submission has one vote, for the language of most of its files, so a
    student with forty files counts once.
    """
    votes: Counter[str] = Counter()
    for paths in submissions:
        extensions = [extension(path) for path in paths]
        own = Counter(_OWNERS[each] for each in extensions if each in _OWNERS)
        if own["MATLAB"] and not _OBJECTIVE_C.isdisjoint(extensions):
            own["Objective-C"] += own.pop("MATLAB")
        votes.update(language for language, count in own.items() if count == max(own.values()))
    return tuple(language for language in LANGUAGES if votes[language] and votes[language] == max(votes.values()))


_OWNERS = {extension: language for language, own in OWN_EXTENSIONS.items() for extension in own}
