"""The prompt styles that a data set can be built with. Knows the wording's names, not the wording."""

from pathlib import Path
from typing import Literal

from labs_schema.errors import InputError, Issue, Severity
from prompts.style import PromptStyle, default_system


def prompt_style(prompt: Literal["full", "compact"], system_path: Path | None, verbose: bool) -> PromptStyle:
    """`compact` is for the tiny base model: short texts, and no system prompt but the user's own.

    Raises InputError where the system prompt's file is not UTF-8 text.
    """
    system = _text(system_path) if system_path is not None else None
    if prompt == "compact":
        return PromptStyle(
            template="compact", system=system or "", verbose=verbose, problem_chars=150, description_chars=80
        )
    return PromptStyle(system=default_system() if system is None else system, verbose=verbose)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as bad:
        issue = Issue(
            code="system-prompt-not-utf-8",
            severity=Severity.ERROR,
            path=str(path),
            found=f"a byte at {bad.start} that is not UTF-8",
            expected="a text file in UTF-8",
            hint="Save the file as UTF-8.",
        )
        raise InputError([issue]) from None
