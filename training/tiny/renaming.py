"""Data augmentation: renames the variables of a program, which gives the language model more distinct programs."""

import random
import re
from collections.abc import Iterator
from typing import NamedTuple

from labs_schema.source.lexer import KEYWORDS, lex

_LIBRARY = {"self", "cls", "args", "argv", "argc", "stdin", "stdout", "stderr", "System", "std", "cin", "cout", "endl"}
_NAMES = [*"abcdijklmnpqrstuvwxyz", "num", "val", "tmp", "aux", "res", "ans", "cur", "len", "max", "min", "sum", "arr"]
_TAG = re.compile(r"(</?student-[^>\n]*>)")
_MEMBER = re.compile(r"(?:\.|->)\s*$")
_CALL = re.compile(r"\s*\(")


class _Name(NamedTuple):
    start: int
    end: int
    text: str
    called: bool


def rename_identifiers(program: str, chance: random.Random) -> str:
    """`program` with every variable renamed consistently.

    Unchanged: keywords, called functions, members, constants in capitals, types such as `size_t`, literals, comments,
    preprocessor lines and the tags of a prompt. The language is not known here: the program is lexed as C++, and `#`
    starts a comment or a preprocessor line.
    """
    names = list(_names(program))
    called = {name.text for name in names if name.called}
    distinct = dict.fromkeys(name.text for name in names)
    variables = [name for name in distinct if name not in called and _is_variable(name)]
    rounds = range(1 + (len(variables) + len(called)) // len(_NAMES))
    fresh = [name for number in rounds for each in _NAMES if (name := f"{each}{number or ''}") not in called]
    new = dict(zip(variables, chance.sample(fresh, len(variables)), strict=True))
    pieces: list[str] = []
    last = 0
    for each in names:
        pieces += [program[last : each.start], new.get(each.text, each.text)]
        last = each.end
    return "".join([*pieces, program[last:]])


def rename_in_prompt(shared: str, chance: random.Random) -> str:
    """`rename_identifiers` for the student's code in the shared part of a prompt."""
    start = max(shared.find("<student-"), 0)
    return shared[:start] + rename_identifiers(shared[start:], chance)


def _names(program: str) -> Iterator[_Name]:
    """The identifiers that may be renamed, file by file: an unclosed comment ends at the next tag."""
    offset = 0
    for piece in map(str, _TAG.split(program)):
        last = hash_end = 0
        for span in () if _TAG.fullmatch(piece) else lex(piece, "C++"):
            if span.start >= hash_end and (hash_start := piece.find("#", last, span.start)) >= 0:
                line_end = piece.find("\n", hash_start)
                hash_end = line_end if line_end >= 0 else len(piece)
            name = piece[span.start : span.end]
            member = _MEMBER.search(piece, max(last, min(hash_end, span.start)), span.start)
            if span.kind == "name" and span.start >= hash_end and "$" not in name and not member:
                yield _Name(offset + span.start, offset + span.end, name, bool(_CALL.match(piece, span.end)))
            last = span.end
        offset += len(piece)


def _is_variable(name: str) -> bool:
    return not (name in KEYWORDS or name in _LIBRARY or name.endswith("_t") or (name.isupper() and len(name) > 1))
