"""Gives each local variable of a C function a unique name, since equal names in other scopes are other variables."""

from collections.abc import Iterator, Sequence

from labs_schema.source.lexer import KEYWORDS
from serving.head.c_tokens import is_name

LOCAL = "@"
"""Starts a local variable's name: no C token does."""
MAX_TOKENS = 200
"""The longest declaration that is read: keeps the time linear."""
QUALIFIERS = frozenset({"const", "static", "register", "volatile", "inline", "extern", "auto", "restrict"})
TYPES = frozenset(
    ["int", "char", "float", "double", "long", "short", "unsigned", "signed", "void", "bool", "_Bool", "FILE", "size_t"]
)
RECORDS = frozenset({"struct", "union", "enum"})


def statement_starts(tokens: Sequence[str]) -> list[int]:
    """Where a statement can start: at the first token and behind `;`, `{` and `}` outside of parentheses."""
    found, within = [0] if tokens else [], 0
    for i, token in enumerate(tokens[:-1]):
        within = max(0, within + (token in "([") - (token in ")]"))
        if token in ("{", "}") or (token == ";" and not within):
            found.append(i + 1)
    return found


def declared(tokens: Sequence[str], start: int) -> list[int]:
    """The indices of the names that the declaration at `start` declares; none if it is another statement."""
    i = start
    while i < len(tokens) and tokens[i] in TYPES | QUALIFIERS:
        i += 1
    if i < len(tokens) and tokens[i] in RECORDS:
        i += 2
    elif not any(token in TYPES for token in tokens[start:i]):
        if i >= len(tokens) or not is_name(tokens[i]) or tokens[i] in KEYWORDS:
            return []
        i += 1
    found, fresh, depth = [], True, 0
    for j in range(i, min(i + MAX_TOKENS, len(tokens))):
        token = tokens[j]
        depth += (token in "([{") - (token in ")]}")
        if fresh and (is_name(token) or token.startswith(LOCAL)) and token not in KEYWORDS:
            prototype = tokens[j + 1 : j + 2] == ["("] and tokens[j - 1] != "*"
            found += [] if prototype else [j]
            fresh = False
        elif fresh and token not in ("*", "("):
            return found
        elif depth < 0 or (token == ";" and depth <= 0) or (token == "{" and tokens[j - 1] == ")"):
            break
        elif token == "," and depth == 0:
            fresh = True
    return found


def with_unique_locals(tokens: Sequence[str], first: int) -> list[str]:
    """A function, from its type to its last brace, in which local variables are named `@first` and so on."""
    body = tokens.index("{")
    starts = {*(body + i for i in statement_starts(tokens[body:]))}
    renamed: dict[str, list[str]] = {}  # name -> its new names, that of the innermost scope last
    scopes: list[list[str]] = [[]]
    made = list(tokens)

    def declare(name: str) -> None:
        nonlocal first
        renamed.setdefault(name, []).append(f"{LOCAL}{first}")
        scopes[-1].append(name)
        first += 1

    for i in _parameters(tokens, body):
        declare(tokens[i])
    for i, token in enumerate(tokens):
        if i > body and (i in starts or (tokens[i - 1] == "(" and tokens[i - 2] == "for")):
            for j in declared(tokens, i):
                declare(tokens[j])
        if token == "{":
            scopes.append([])
        elif token == "}" and len(scopes) > 1:
            for name in scopes.pop():
                renamed[name].pop()
        elif is_name(token) and tokens[i - 1] not in (".", "->", "goto"):
            made[i] = (renamed.get(token) or [token])[-1]
    return made


def _parameters(tokens: Sequence[str], body: int) -> Iterator[int]:
    start = tokens.index("(") if "(" in tokens[:body] else body
    for i in range(start + 1, body):
        if is_name(tokens[i]) and tokens[i] not in KEYWORDS and tokens[i + 1] in (",", ")", "["):
            yield i


def with_single_declarations(tokens: Sequence[str]) -> list[str]:
    """`int a, b = 2;` as `int a; int b = 2;`, in which each variable can be left out alone."""
    made, last = [], 0
    for start in statement_starts(tokens):
        names = declared(tokens, start) if start >= last else []
        if len(names) < 2 or "{" in tokens[start : names[0]] or ";" not in tokens[names[-1] : names[-1] + MAX_TOKENS]:
            continue
        kind = next(i for i in range(start, names[0] + 1) if i == names[0] or tokens[i] in ("*", "("))
        made += [*tokens[last:start]]
        for name, following in zip(names, [*names[1:], None], strict=True):
            begin = kind if name == names[0] else _declarator(tokens, name)
            end = _declarator(tokens, following) - 1 if following else tokens.index(";", name)
            made += [*tokens[start:kind], *tokens[begin:end], ";"]
            last = end + 1
    return [*made, *tokens[last:]]


def _declarator(tokens: Sequence[str], name: int) -> int:
    """Where the declarator of the name starts, with its stars."""
    while tokens[name - 1] in ("*", "("):
        name -= 1
    return name
