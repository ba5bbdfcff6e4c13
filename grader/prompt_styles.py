"""The prompt styles that `grader build-dataset` offers."""

from pathlib import Path
from typing import Literal

from labs_schema.errors import InputError, Issue, Severity
from prompts.style import PromptStyle, default_system


def prompt_style(prompt: Literal["full", "compact"], system_path: Path | None, verbose: bool) -> PromptStyle:
    """`compact` is for the tiny base model: short texts, and no system prompt unless the user gives one.

    Raises InputError if the system prompt file is not UTF-8.
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
            found=f"an invalid byte at offset {bad.start}",
            expected="UTF-8 text",
            hint="Save the file as UTF-8.",
        )
        raise InputError([issue]) from None
