"""Removes from the body of a C function what cannot change what the function does: unused variables, values that are
never read, statements without effect, code behind a return or under a false condition, and redundant braces.

Local names are unique when this starts: `local_names.py`.
"""

import itertools
from collections import Counter
from collections.abc import Sequence

from serving.head.c_tokens import constant, is_name
from serving.head.local_names import LOCAL, RECORDS, TYPES, declared, statement_starts

ROUNDS = 20
"""One removal can make another possible; each round takes time proportional to the length."""
CONDITION_TOKENS = 500
"""The longest condition that is checked for being constant: keeps the time linear for nested conditions."""
_LEAVES = frozenset({"return", "break", "continue", "goto", "exit", "abort"})
_CONTROL = _LEAVES | {"if", "else", "for", "while", "do", "switch", "case", "default"}
_ASSIGNS = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=", "++", "--"})
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_BOUNDARY = frozenset(";{}")


def working_statements(body: Sequence[str]) -> list[str]:
    """`body` (from `{` to `}`) without such tokens."""
    tokens = list(body)
    for _ in range(ROUNDS):
        dropped = _dropped(tokens)
        if not dropped:
            break
        tokens = [token for i, token in enumerate(tokens) if i not in dropped]
    return tokens


def _dropped(tokens: list[str]) -> set[int]:
    ends, found, occurrences = _partners(tokens), set[int](), Counter(tokens)
    statement_ends = _statement_ends(tokens, ends)
    simple = [(start, end) for start in statement_starts(tokens) if (end := statement_ends[start])]
    targets = {
        start: _targets(tokens[start:end], pointers) for pointers in [_pointers(tokens)] for start, end in simple
    }
    pure = {start for start, end in simple if _is_pure(tokens[start:end])}
    unread = _unread(tokens, [(*each, targets[each[0]][0]) for each in simple if each[0] in pure and targets[each[0]]])
    for start, end in simple:
        if start in found:
            continue
        if tokens[start] in TYPES and "=" not in tokens[start:end] and not declared(tokens, start):
            found.update(range(start, end))  # the prototype of a function
        elif start in pure and unread.issuperset(targets[start]):
            found.update(range(start, end))
        elif tokens[start] in _LEAVES:
            found.update(range(end, _reachable_again(tokens, end, ends)))
    for start in statement_starts(tokens):
        if start in found:
            continue
        found.update(_constant_condition(tokens, start, ends))
        if tokens[start] == "{" and start and start in ends:
            found.update((start, ends[start]))
        if tokens[start] in RECORDS and (close := ends.get(start + 2)) and tokens[close + 1 : close + 2] == [";"]:
            found.update(range(start, close + 2) if occurrences[tokens[start + 1]] == 1 else ())
        if start + 1 < len(tokens) and tokens[start + 1] == ":" and is_name(tokens[start]):
            found.update((start, start + 1) if tokens[start] != "default" and _no_goto(tokens, tokens[start]) else ())
    return found


def _partners(tokens: Sequence[str]) -> dict[int, int]:
    """The index of each bracket's closing one."""
    found, waiting = dict[int, int](), list[int]()
    for i, token in enumerate(tokens):
        if token in _OPEN:
            waiting.append(i)
        elif token in _CLOSE and waiting:
            found[waiting.pop()] = i
    return found


def _statement_ends(tokens: Sequence[str], ends: dict[int, int]) -> list[int]:
    """For each position, the position behind the `;` of the simple statement that starts there; 0 for a compound
    one."""
    found = [0] * (len(tokens) + 1)
    for i in range(len(tokens) - 1, -1, -1):
        if tokens[i] == ";":
            found[i] = i + 1
        elif tokens[i] in _OPEN and (i not in ends or (tokens[i] == "{" and tokens[i - 1] != "=")):
            found[i] = 0
        elif tokens[i] != "}":
            found[i] = found[ends.get(i, i) + 1]
    return found


def _pointers(tokens: Sequence[str]) -> set[str]:
    """Locals that may point to others: what is written through them is not theirs."""
    return {after for star, after in itertools.pairwise(tokens) if star == "*" and after.startswith(LOCAL)}


def _targets(statement: Sequence[str], pointers: set[str]) -> list[str]:
    """The locals that a simple statement declares or assigns; `*` if it may do anything else."""
    if names := declared(statement, 0):
        return [statement[i] for i in names] if len(names) == 1 else ["*"]
    if statement[0] in _CONTROL:
        return ["*"]
    writes = [i for i, token in enumerate(statement) if token in _ASSIGNS]
    if not writes:
        return []
    plain = [token for token in statement if token not in ("++", "--", "(", ")")]
    through = plain[0] in pointers and plain[1:2] in (["["], ["->"])
    return plain[:1] if plain[0].startswith(LOCAL) and len(writes) == 1 and not through else ["*"]


def _unread(tokens: Sequence[str], statements: Sequence[tuple[int, int, str]]) -> set[str]:
    """Locals that nothing needs: they occur only in `statements` (start, end, local) that assign such locals."""
    total, own = Counter(token for token in tokens if token.startswith(LOCAL)), Counter[str]()
    needs: dict[str, set[str]] = {}
    for start, end, target in statements:
        names = [token for token in tokens[start:end] if token.startswith(LOCAL)]
        if target != "*":
            own.update(names)
            needs.setdefault(target, set()).update(names)
    waiting = [name for name in total if total[name] > own[name]]
    read = set(waiting)
    while waiting:
        fresh = needs.get(waiting.pop(), set()) - read
        read |= fresh
        waiting += fresh
    return total.keys() - read


def _is_pure(statement: Sequence[str]) -> bool:
    """Whether no function is called."""
    return not any(
        after == "(" and is_name(token) and token not in ("sizeof", "return")
        for token, after in itertools.pairwise(statement)
    )


def _reachable_again(tokens: Sequence[str], start: int, ends: dict[int, int]) -> int:
    """Where the block ends, or a label follows."""
    i = start
    while i < len(tokens) and tokens[i] != "}":
        label = tokens[i - 1] in _BOUNDARY and i + 1 < len(tokens) and tokens[i + 1] == ":"
        if label or tokens[i] in ("case", "default"):
            return i
        i = ends.get(i, i) + 1
    return i


def _constant_condition(tokens: Sequence[str], start: int, ends: dict[int, int]) -> set[int]:
    """The tokens of a branch or loop that never runs."""
    if tokens[start] in ("0", "1") and start + 1 < len(tokens):
        skipped = tokens[start + 1] == ("&&" if tokens[start] == "0" else "||")
        return set(range(start, _statement_end(tokens, start, ends))) if skipped else set()
    if tokens[start] not in ("if", "while", "for") or (close := ends.get(start + 1)) is None:
        return set()
    truth = _truth(tokens[start], tokens[start + 2 : min(close, start + 2 + CONDITION_TOKENS)])
    then = _behind(tokens, close + 1, ends)
    has_else = then < len(tokens) and tokens[then] == "else" and tokens[start] == "if"
    if truth is False:
        return set(range(start, then + has_else))
    if truth and tokens[start] == "if":
        other = _behind(tokens, then + 1, ends) if has_else else then
        return {*range(start, close + 1), *range(then, other)}
    nothing = tokens[close + 1 : min(then, close + 4)] in (["{", "}"], [";"])
    empty = nothing and tokens[start] == "if" and not has_else
    return set(range(start, then)) if empty and _is_pure(tokens[start + 1 : close]) else set()


def _truth(word: str, tokens: Sequence[str]) -> bool | None:
    """The value of the condition in the parentheses behind `word`, if it is constant."""
    condition = " ".join(tokens)
    if word == "for":
        return constant(condition.split(";")[1]) if condition.count(";") == 2 else None
    if len(tokens) == CONDITION_TOKENS:  # cut off
        return False if constant(condition.split("&&")[0]) is False else None
    return constant(condition)


def _statement_end(tokens: Sequence[str], start: int, ends: dict[int, int]) -> int:
    i = start
    while i < len(tokens) and tokens[i] not in (";", "{", "}"):
        i = ends.get(i, i) + 1
    return min(i + 1, len(tokens)) if tokens[i : i + 1] == [";"] else start


def _behind(tokens: Sequence[str], start: int, ends: dict[int, int]) -> int:
    """Behind the statement at `start`, with the else of its own ifs."""
    i, ifs = start, 0
    while i < len(tokens):
        if tokens[i] in ("if", "for", "while", "switch"):
            ifs += tokens[i] == "if"
            i = ends.get(i + 1, i) + 1
            continue
        if tokens[i] == "{":
            i = ends.get(i, len(tokens) - 1) + 1
        else:
            while i < len(tokens) and tokens[i] not in (";", "}"):
                i = ends.get(i, i) + 1
            i += 1
        if not ifs or tokens[i : i + 1] != ["else"]:
            break
        i, ifs = i + 1, ifs - 1
    return min(i, len(tokens))


def _no_goto(tokens: Sequence[str], label: str) -> bool:
    return not any(a == "goto" and b == label for a, b in itertools.pairwise(tokens))
