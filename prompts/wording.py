"""The wording of prompts, read from `templates/`: parts of a file, each under a line `%% name`. Knows no lab."""

import re
from functools import cache
from importlib.resources import files
from string import Template

CODE_BEGIN, CODE_END = "<student-code>\n", "\n</student-code>"
"""What the templates put around the student's files; text from outside never holds them (`prompts.quoting`)."""


def template_text(name: str) -> str:
    """A file of `templates/` as it is."""
    return (files("prompts") / "templates" / f"{name}.txt").read_text(encoding="utf-8")


def default_system() -> str:
    """The system prompt to use where the user gives none. Ends without a new line."""
    return template_text("system").strip()


@cache
def parts(name: str) -> dict[str, Template]:
    """The parts `shared`, `file`, `criterion` and `option`, each without the new line that ends it."""
    pieces = re.split(r"^%% (\w+)\n", template_text(name), flags=re.MULTILINE)
    return {part: Template(text.removesuffix("\n")) for part, text in zip(pieces[1::2], pieces[2::2], strict=True)}
