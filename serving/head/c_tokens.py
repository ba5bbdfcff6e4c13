"""Tokens of C programs without comments and preprocessor lines, and how they are printed again."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from labs_schema.source.lexer import lex
from labs_schema.source.replacing import replaced

MAX_INDENT = 12
"""Levels of indentation: keeps the text proportional to the tokens."""
_TOKEN = re.compile(
    r"\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?|[^\W\d]\w*+|\.?\d[\w.]*+"
    r"|<<=|>>=|\.\.\.|==|<=|>=|!=|\+\+|--|&&|\|\||<<|>>|[-+*/%&|^]=|->|::|[^\w\s]"
)
_DIRECTIVE = re.compile(r"[ \t]*#[ \t]*(\w*)[ \t]*(.*)")
_MACRO = re.compile(r"(\w+)(.*)", re.S)
_DEFINED = re.compile(r"\bdefined[\s(]*+(\w++)[\s)]*+")
_NAME = re.compile(r"\b[A-Za-z_]\w*+")
_CONSTANT = re.compile(r"[\s(]*+((?:!\s*+)*+)[\s(]*+(\d{1,9})(?:\s*+(==|!=|<=|>=|<|>)\s*+(\d{1,9}))?[\s)]*+")
_COMPARE = {
    "==": int.__eq__,
    "!=": int.__ne__,
    "<=": int.__le__,
    ">=": int.__ge__,
    "<": int.__lt__,
    ">": int.__gt__,
}
_NO_SPACE_BEFORE = frozenset({";", ",", ")", "]", "[", ".", "->", "++", "--"})
_NO_SPACE_AFTER = frozenset({"(", "[", ".", "->", "!", "~", "++", "--"})
_SPACED_PARENTHESIS = frozenset({"if", "for", "while", "switch", "return"})


class Source(NamedTuple):
    """`tokens` outside of preprocessor lines; `macros`: name -> the tokens that follow the name."""

    tokens: list[str]
    macros: dict[str, list[str]]


class _Branch(NamedTuple):
    """An open `#if`. `taken`: None if it is unknown, so that it is read. `done`: an earlier branch was taken."""

    taken: bool | None
    hidden: bool
    done: bool | None


def read_source(texts: Iterable[str]) -> Source:
    """The tokens of all files, without branches that the preprocessor drops."""
    tokens: list[str] = []
    macros: dict[str, list[str]] = {}
    for text in texts:
        branches: list[_Branch] = []
        for line in _without_comments(text.replace("\\\n", "")).split("\n"):
            directive = _DIRECTIVE.match(line)
            if directive:
                _follow(directive[1], directive[2], branches, macros)
            elif not _hidden(branches):
                tokens += _TOKEN.findall(line)
    return Source(tokens, macros)


def _hidden(branches: Sequence[_Branch]) -> bool:
    return bool(branches) and branches[-1].hidden


def _without_comments(text: str) -> str:
    comments = ((each.start, each.end) for each in lex(text, "C") if each.kind == "comment")
    return replaced(text, ((start, end, "\n" if "\n" in text[start:end] else " ") for start, end in comments))


def _follow(word: str, rest: str, branches: list[_Branch], macros: dict[str, list[str]]) -> None:
    done: bool | None = False
    if word in ("else", "elif", "endif") and branches:
        before = branches.pop()
        done = before.done or before.taken or (None if None in (before.done, before.taken) else False)
    if word in ("if", "ifdef", "ifndef", "else", "elif"):
        condition = rest if word in ("if", "elif") else "1" if word == "else" else f"defined {rest}"
        taken = _condition(condition, macros)
        taken = taken if word != "ifndef" or taken is None else not taken
        taken = False if done or taken is False else None if done is None else taken
        branches.append(_Branch(taken, _hidden(branches) or taken is False, done))
    elif word == "define" and not _hidden(branches) and (macro := _MACRO.match(rest)):
        macros[macro[1]] = _TOKEN.findall(macro[2])


def _condition(text: str, macros: Mapping[str, list[str]]) -> bool | None:
    """The value of an `#if`, where names without a macro are 0 (C99, 6.10.1)."""
    plain = _DEFINED.sub(lambda found: str(int(found[1] in macros)), text)
    return constant(_NAME.sub(lambda found: " ".join(macros.get(found[0], ["0"])), plain))


def constant(text: str) -> bool | None:
    """Whether a constant condition such as `0`, `!1`, `1 > 2` or `0 && ...` is true; None for any other condition."""
    for sign, decides in (("&&", False), ("||", True)):
        parts = text.split(sign)
        if len(parts) > 1 and ("||" not in text or "&&" not in text):
            truths = [constant(part) for part in parts]
            return decides if decides in truths else None if None in truths else not decides
    found = _CONSTANT.fullmatch(text)
    if not found:
        return None
    truth = _COMPARE[found[3]](int(found[2]), int(found[4])) if found[3] else int(found[2]) != 0
    return truth != (found[1].count("!") % 2 == 1)


def is_name(token: str) -> bool:
    return token[:1].isalpha() or token[:1] == "_"


def is_value(token: str) -> bool:
    """Whether `*`, `&` or `-` behind the token has two operands."""
    return token in (")", "]") or (token[-1:].isalnum() and token not in _SPACED_PARENTHESIS)


def printed(tokens: Sequence[str]) -> str:
    """The program in one layout, so that spaces and line breaks of the original do not matter."""
    return "\n".join(" " * 4 * min(max(depth, 0), MAX_INDENT) + _line(line) for depth, line in _lines(tokens)) + "\n"


def _lines(tokens: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    line: list[str] = []
    depth = within = 0
    for token in tokens:
        within = max(0, within + (token in "([") - (token in ")]"))
        if token == "}" and line:
            yield depth, line
            line = []
        depth -= token == "}"
        line.append(token)
        if (token == ";" and not within) or token in ("{", "}"):
            yield depth, line
            line = []
        depth += token == "{"
    if line:
        yield depth, line


def _line(tokens: Sequence[str]) -> str:
    parts = [tokens[0]]
    for i, (before, token) in enumerate(itertools.pairwise(tokens)):
        unary = before in "&*-" and (not i or not (is_value(tokens[i - 1])))
        glued = token in _NO_SPACE_BEFORE or before in _NO_SPACE_AFTER or unary
        glued = glued or (token == "(" and is_name(before) and before not in _SPACED_PARENTHESIS)
        parts.append(token if glued else f" {token}")
    return "".join(parts)
