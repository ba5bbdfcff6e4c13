"""The language a lab is said to be in, by its `language.txt` or by a caller. Knows no submissions and no extensions."""

from collections.abc import Set
from pathlib import Path

from labs_schema.collector import FaultCollector, excerpt
from labs_schema.file_reader import read_text
from labs_schema.limits import Limits
from labs_schema.source.languages import LANGUAGES, named

LANGUAGE = "language.txt"


def given_language(
    folder: Path, present: Set[str], override: str | None, limits: Limits, faults: FaultCollector
) -> str | None:
    """The language named by `override`, else by the lab's `language.txt`; None where neither is there, and, with an
    error, where it names no known one. `present` are the names of the files there are.
    """
    if override is not None:
        return _named(override, "", "leave it out", faults)
    text = read_text(folder / LANGUAGE, LANGUAGE, limits.statement_bytes, faults) if LANGUAGE in present else None
    return None if text is None else _named(text, LANGUAGE, "delete the file", faults)


def _named(text: str, where: str, without: str, faults: FaultCollector) -> str | None:
    language = named(text)
    if language is None:
        faults.error(
            "unknown-language",
            where,
            found=f"the language {excerpt(text.strip())}",
            expected=f"one of {', '.join(LANGUAGES)}, and nothing else",
            hint=f"Choose one of these, or {without} to go by the extensions of the students' files.",
        )
    return language
