"""Prompt style: the template to use and the maximum lengths, plus the template files themselves."""

import re
from functools import cache
from importlib.resources import files
from string import Template
from typing import Literal

from labs_schema.frozen import Frozen

CODE_BEGIN, CODE_END = "<student-code>\n", "\n</student-code>"
"""Delimiters that the templates put around the student's files. `prompts.quoting` escapes them in all other text."""


class PromptStyle(Frozen):
    """Saved in every model manifest: a model is served only with the style it was trained with.

    `template` is a file in `prompts/templates/`: `full`, or `compact`, which takes fewer tokens.
    `system` is the system prompt (empty for none). `verbose` selects the verbose problem statement.
    `problem_chars` and `description_chars` truncate the statement and the criterion descriptions (None: no limit),
    `observed_chars` bounds what is shown of the observations.
    """

    template: Literal["full", "compact"] = "full"
    system: str = ""
    verbose: bool = False
    problem_chars: int | None = None
    description_chars: int | None = None
    observed_chars: int = 1_500


def template_text(name: str) -> str:
    """The content of `templates/<name>.txt`."""
    return (files("prompts") / "templates" / f"{name}.txt").read_text(encoding="utf-8")


def default_system() -> str:
    """The default system prompt, without a trailing newline."""
    return template_text("system").strip()


@cache
def template_parts(name: str) -> dict[str, Template]:
    """The parts `shared`, `file`, `criterion` and `option` of a template. In the file, `%% name` starts a part."""
    pieces = re.split(r"^%% (\w+)\n", template_text(name), flags=re.MULTILINE)
    return {part: Template(text.removesuffix("\n")) for part, text in zip(pieces[1::2], pieces[2::2], strict=True)}
