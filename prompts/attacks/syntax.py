"""Writes comments, strings and unused declarations in each language, for the injection points."""

import re
from importlib.resources import files
from string import Template
from typing import Any

import yaml

from labs_schema.frozen import Frozen


class Syntax(Frozen):
    """Comment delimiters, and declarations of an unused `$name` at the top level; comments where they are empty.

    `block` opens and closes a block comment; without it, each line is a line comment, from `line` to `line_end`.
    `constant` and `function` contain `$text`, a string literal or several concatenated with `joint`; `table` contains
    several separated by commas. `number` contains no text, `record` comma-separated fields, each in the form of
    `field`. `macro` is a preprocessor constant, if any.
    """

    line: str = "//"
    line_end: str = ""
    block: tuple[str, str] | None = ("/*", "*/")
    documentation: tuple[str, str] = ("/**", "*/")
    constant: str = ""
    function: str = ""
    number: str = ""
    table: str = ""
    record: str = ""
    field: str = "$name"
    macro: str = ""
    joint: str = " + "


def _syntax(fields: dict[str, Any]) -> Syntax:
    syntax = Syntax.model_validate(fields)
    if syntax.constant:
        return syntax
    named, only_name = (f"{syntax.line} $name{value}{syntax.line_end}" for value in (" = $text", ""))
    forms = dict.fromkeys(("constant", "function", "table", "record"), named) | {"number": only_name}
    block = syntax.block if syntax.line == "//" else None
    return syntax.model_copy(update={**forms, "block": block})


SYNTAXES = {
    language: _syntax(fields)
    for language, fields in yaml.safe_load(files("prompts.attacks").joinpath("syntax.yaml").read_bytes()).items()
}


_SIGNS = {
    "C": r"#[ \t]*(?:include|define|ifndef)\b",
    "C#": r"//|/\*",
    "R": r"#(?:!|[ \t])",
    "SQL": r"--[ \t]",
    "Prolog": r"%",
    "Scheme": r";",
    "OCaml": r"\(\*",
}
"""Language -> what its comments begin with, and in C its preprocessor lines."""


def syntax_of(language: str) -> Syntax:
    return SYNTAXES[language]


def comments_like(text: str) -> str | None:
    """A language whose comments are those of a program in an unknown one; None if the program has no comment."""
    counts = {each: len(re.findall(rf"^[ \t]*(?:{sign})", text, re.MULTILINE)) for each, sign in _SIGNS.items()}
    return max(counts, key=lambda each: counts[each]) if any(counts.values()) else None


def literal(text: str) -> str:
    """A string literal that is valid in every language here."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def literals(parts: list[str], language: str) -> str:
    """An expression that concatenates the `parts`."""
    joined = syntax_of(language).joint.join(map(literal, parts))
    return f"concat!({joined})" if language == "Rust" else joined


def declaration(form: str, name: str, text: str = "") -> str:
    return Template(form).substitute(name=name, text=text)


def line_comments(text: str, language: str) -> str:
    """Each line of `text` as a line comment; a trailing backslash, which would continue it, is removed."""
    syntax = syntax_of(language)
    lines = (f"{syntax.line} {line}".rstrip().rstrip("\\") for line in _escaped(text, language).splitlines())
    return "".join(f"{line}{syntax.line_end}\n" for line in lines)


def block_comment(text: str, language: str, *, documentation: bool = False) -> str:
    """A block comment, in Python a string expression; line comments in a language whose blocks are not used."""
    syntax = syntax_of(language)
    if syntax.block is None:
        return line_comments(text, language)
    begin, end = syntax.documentation if documentation else syntax.block
    if language == "Python":
        text = text.replace("\\", "\\\\").replace('"""', "'''")
    return f"{begin}\n{_escaped(text, language)}\n{end}\n"


def _escaped(text: str, language: str) -> str:
    """The text without comment delimiters, and in Java without `\\u`, which is an escape even in comments."""
    for sign in ("*/", "/*", "(*", "*)", "?>"):
        text = text.replace(sign, " ".join(sign))
    return text.replace("\\u", "\\ u") if language == "Java" else text
