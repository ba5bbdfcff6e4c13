"""The text of a program that a head reads: only what can change what the program does.

Text that a student adds without an effect on the program must not change the grade. So the text of a C program has no
comments, layout, names, preprocessor branches that are not taken, functions that are never called, unused variables,
or statements that never run or have no effect. In other languages it is the sanitized copy.
"""

from collections.abc import Iterator, Sequence
from itertools import count, pairwise
from typing import NamedTuple

from labs_schema.models import Submission
from labs_schema.privacy.redaction import redacted_files
from labs_schema.source.lexer import KEYWORDS, lex
from labs_schema.source.replacing import replaced
from prompts.quoting import quote
from serving.head.c_statements import working_statements
from serving.head.c_tokens import is_name, printed, read_source
from serving.head.local_names import LOCAL, QUALIFIERS, with_single_declarations, with_unique_locals
from serving.injection.characters import without_controls
from serving.injection.literals import masked_literals
from serving.injection.sanitizer import sanitized

VERSION = 1
"""Increment when the same program gives another text: heads are fitted on it."""
_STANDARD = frozenset(
    {"NULL", "EOF", "stdin", "stdout", "stderr", "FILE", "size_t", "INT_MAX", "INT_MIN", "DBL_MAX", "FLT_MAX", "main"}
)
_RECORDS = frozenset({"struct", "union", "enum", "typedef"})


class _Unit(NamedTuple):
    """A function, or a declaration outside of functions (`name` is empty)."""

    name: str
    tokens: list[str]


def working_code(submission: Submission, language: str) -> str:
    """Names redacted, structural strings escaped as in prompts. Deterministic; never raises."""
    files = redacted_files(submission, language)
    if language != "C":
        copy = sanitized(submission.model_copy(update={"files": files}), language)
        return quote("\n".join(file.text for file in copy.files))
    source = read_source(without_controls(file.text) for file in files)
    plain = with_single_declarations([token for token in source.tokens if token not in QUALIFIERS])
    units = [*_units(plain)]
    numbers = count(1)
    working = [_working(unit, next(numbers)) for unit in units]
    used, macros = _used(working, source.macros)
    tokens = [token for name in macros for token in ("#", "define", name, *source.macros[name], ";")]
    tokens += [token for unit in used for token in unit.tokens]
    text = printed(_neutral(tokens)) if tokens else ""
    return quote(replaced(text, masked_literals(text, lex(text, "C"))))


def _units(tokens: Sequence[str]) -> Iterator[_Unit]:
    start = depth = 0
    name: str | None = None  # until the unit's first brace
    for i, token in enumerate(tokens):
        if token == "{" and name is None:
            name = _function_name(tokens[start:i])
        depth = max(0, depth + (token in "([{") - (token in ")]}"))
        if not depth and (token == ";" or (token == "}" and name)):
            yield _Unit(name or "", list(tokens[start : i + 1]))
            start, name = i + 1, None
    if start < len(tokens):  # brackets are unbalanced
        yield _Unit(name or "", list(tokens[start:]))


def _function_name(head: Sequence[str]) -> str:
    """`head`: what is before the first brace. Empty for anything but the definition of a function."""
    is_function = "(" in head and "=" not in head and head[0] not in ("typedef", "(")
    return head[head.index("(") - 1] if is_function else ""


def _working(unit: _Unit, number: int) -> _Unit:
    if not unit.name:
        return unit
    tokens = with_unique_locals(unit.tokens, number * 1_000_000)
    body = tokens.index("{")
    return _Unit(unit.name, tokens[:body] + working_statements(tokens[body:]))


def _used(units: Sequence[_Unit], macros: dict[str, list[str]]) -> tuple[list[_Unit], list[str]]:
    """The units, and the names of the macros, that `main` needs; without a `main`, that any function needs."""
    complete = any(unit.name == "main" for unit in units)
    waiting = ["main"] if complete else [unit.name for unit in units if unit.name]
    declaring: dict[str, list[int]] = {}
    for i, unit in enumerate(units):
        for name in _declares(unit):
            declaring.setdefault(name, []).append(i)
    seen, found = set(waiting), set[int]()
    while waiting:
        name = waiting.pop()
        fresh = [i for i in declaring.get(name, ()) if i not in found]
        found.update(fresh)
        used = {*macros.get(name, ()), *(token for i in fresh for token in units[i].tokens)} - seen
        seen |= used
        waiting += used
    return [unit for i, unit in enumerate(units) if i in found], [name for name in macros if name in seen]


def _declares(unit: _Unit) -> set[str]:
    if unit.name:
        return {unit.name}
    if unit.tokens[0] not in _RECORDS and "(" in unit.tokens and "=" not in unit.tokens:
        return set()  # the prototype of a function
    return {token for token in unit.tokens if is_name(token) and token not in KEYWORDS and token not in _STANDARD}


def _neutral(tokens: Sequence[str]) -> list[str]:
    """Names that the student chose, numbered in the order of their first use; called library functions stay."""
    called = {a for a, b in pairwise(tokens) if b == "("}
    others = {a for a, b in pairwise(tokens) if b != "("}
    defined = {unit.name for unit in _units(tokens)}
    library = {name for name in called - others - defined if not name.startswith(LOCAL)}
    unchanged = library | KEYWORDS | _STANDARD
    new: dict[str, str] = {}
    for token in tokens:
        if (is_name(token) or token.startswith(LOCAL)) and token not in unchanged and token != LOCAL:
            new.setdefault(token, f"{'f' if token in defined else 'v'}{len(new) + 1}")
    return [new.get(token, token) for token in tokens]
