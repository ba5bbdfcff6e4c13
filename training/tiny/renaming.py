"""Renames variables in programs (C-like languages, Python, JavaScript) as data augmentation for the tiny base."""

import random
import re

from labs_schema.source.lexer import KEYWORDS

_LIBRARY = {"self", "cls", "args", "argv", "argc", "stdin", "stdout", "stderr", "System", "std", "cin", "cout", "endl"}
_NAMES = [*"abcdijklmnpqrstuvwxyz", "num", "val", "tmp", "aux", "res", "ans", "cur", "len", "max", "min", "sum", "arr"]
_PIECE = re.compile(
    r"""(?P<other> "(?:\\.|[^"\\\n])*"? | '(?:\\.|[^'\\\n])*'? | //[^\n]* | /\*.*?(?:\*/|\Z) | \#[^\n]*
                 | (?:\.|->)\s*[A-Za-z_]\w* | </?student-[^>\n]*> )
    | (?P<name> [A-Za-z_]\w* ) (?P<call> \s*\( )?""",
    re.S | re.X,
)


def rename_identifiers(program: str, chance: random.Random) -> str:
    """`program` with every variable renamed consistently.

    Not renamed: keywords, functions, members, constants in capitals, types such as `size_t`, string literals, comments,
    preprocessor lines, and the prompt's own tags.
    """
    pieces = list(_PIECE.finditer(program))
    called = {match["name"] for match in pieces if match["call"]}
    names = dict.fromkeys(match["name"] for match in pieces if match["name"])
    variables = [name for name in names if name not in called and _is_variable(name)]
    rounds = range(1 + (len(variables) + len(called)) // len(_NAMES))
    fresh = [name for number in rounds for each in _NAMES if (name := f"{each}{number or ''}") not in called]
    new = dict(zip(variables, chance.sample(fresh, len(variables)), strict=True))

    def renamed(match: re.Match[str]) -> str:
        name = match["name"]
        return new[name] + (match["call"] or "") if name in new else match.group()

    return _PIECE.sub(renamed, program)


def rename_in_prompt(shared: str, chance: random.Random) -> str:
    """Renames in the student's code of a prompt's shared part, not in the problem statement."""
    start = max(shared.find("<student-"), 0)
    return shared[:start] + rename_identifiers(shared[start:], chance)


def _is_variable(name: str) -> bool:
    return not (name in KEYWORDS or name in _LIBRARY or name.endswith("_t") or (name.isupper() and len(name) > 1))
