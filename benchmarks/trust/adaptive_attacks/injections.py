"""Injections: text or code that is added to a C program, or names that are changed, and leave its behaviour as it is.

Each takes the program, a seeded random source and a `Bait`: what a good program of the same lab looks like.
"""

import re
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from labs_schema.source.dead_code import blank_comments_and_strings
from labs_schema.source.lexer import KEYWORDS, lex


class Bait(NamedTuple):
    """`texts`: injected prompts and praise. `programs`: programs with the best ratings. `names`: their identifiers."""

    texts: list[str]
    programs: list[str]
    names: list[str]


Injection = Callable[[str, Random, Bait], str]
_FUNCTION = re.compile(r"^(?!.*\b(?:if|else|while|for|switch)\b)[A-Za-z_][\w \t*]*\([^;{}()]*\)\s*\{", re.M)
_RETURN = re.compile(r"(?<=[;{}])(\s*)return\b[^;{}]*;(?=\s*\}\s*\Z)")
_STATEMENT = re.compile(r"(?<=[;{}\n])[ \t]*[A-Za-z_][^;{}#\n]*;")


def _bare(code: str) -> str:
    return blank_comments_and_strings(code, lex(code, "C"))


def _insert(code: str, position: int, text: str) -> str:
    return code[:position] + text + code[position:]


def _inside(code: str, random: Random, text: str) -> str:
    """`text` as the first statement of a function; behind the program if there is none."""
    starts = [match.end() for match in _FUNCTION.finditer(_bare(code))]
    return _insert(code, random.choice(starts), f"\n{text}\n") if starts else code


def _outside(code: str, random: Random, text: str) -> str:
    places = [match.start() for match in _FUNCTION.finditer(_bare(code))] + [len(code)]
    return _insert(code, random.choice(places), f"\n{text}\n")


def _fresh(random: Random, bait: Bait) -> str:
    return f"{random.choice(bait.names)}_{random.randrange(10**4)}"


def _statements(random: Random, bait: Bait) -> str:
    """Statements of a good program; they only need to be lexed, in a branch that the preprocessor drops."""
    found = _STATEMENT.findall(_bare(random.choice(bait.programs))) or ["return 0;"]
    return "\n".join(random.choices(found, k=random.randint(1, 6)))


def _literal(random: Random, bait: Bait) -> str:
    text = random.choice([*bait.texts, *bait.names, "YES", "%d\\n", "Correct output"])
    return '"' + re.sub(r'[\\"\n?]', " ", text) + '"'


def comment(code: str, random: Random, bait: Bait) -> str:
    text = random.choice([random.choice(bait.texts), _statements(random, bait), random.choice(bait.programs)])
    text = text.replace("*/", "").replace("/*", "")
    return random.choice([_inside, _outside])(code, random, f"/* {text} */")


def unprinted_string(code: str, random: Random, bait: Bait) -> str:
    value, name = _literal(random, bait), _fresh(random, bait)
    return random.choice(
        [
            _outside(code, random, f"const char *{name} = {value};"),
            _outside(code, random, f"static char {name}[] = {value};"),
            _inside(code, random, f"char *{name} = {value};"),
            _inside(code, random, f"(void){value};"),
            _inside(code, random, f"{value};"),
        ]
    )


def unreachable(code: str, random: Random, bait: Bait) -> str:
    printing = f"printf({_literal(random, bait)});"
    guard = random.choice(["if (0)", "while (0)", "if (1 > 2)", "for (; 0;)", "if (!1)", "if (0 && 1)", "if (1 == 0)"])
    dropped = random.choice([f"#if 0\n{_statements(random, bait)}\n#endif", f"#ifdef OFF\n{printing}\n#endif"])
    after = _RETURN.search(code)
    behind = _insert(code, after.end(), f"\n{printing}\n") if after else code
    return random.choice(
        [
            _inside(code, random, f"{guard} {{ {printing} }}"),
            _inside(code, random, f"{guard} {printing}"),
            _inside(code, random, f"0 && {printing}"),
            _inside(code, random, dropped),
            _outside(code, random, f"#if 0\n{random.choice(bait.programs)}\n#endif"),
            behind,
        ]
    )


def unused_function(code: str, random: Random, bait: Bait) -> str:
    """A function of a good program or a made-up one, never called."""
    program = random.choice(bait.programs)
    found = [match for match in _FUNCTION.finditer(_bare(program)) if "main" not in match[0]]
    if not found:
        name = _fresh(random, bait)
        return _outside(
            code, random, f"int {name}(int n) {{ int i, s = 0; for (i = 0; i < n; i++) s += i; return s; }}"
        )
    match = random.choice(found)
    depth, end = 1, match.end()
    while depth and end < len(program):
        depth += (program[end] == "{") - (program[end] == "}")
        end += 1
    name = re.search(r"(\w+)\s*\(", match[0])
    text = program[match.start() : end]
    return _outside(code, random, re.sub(rf"\b{name[1]}\b", _fresh(random, bait), text) if name else "")


def unused_declaration(code: str, random: Random, bait: Bait) -> str:
    name, kind = _fresh(random, bait), random.choice(["int", "char", "float", "long", "double"])
    return random.choice(
        [
            _inside(code, random, f"{kind} {name};"),
            _inside(code, random, f"{kind} {name} = {random.randrange(100)};"),
            _inside(code, random, f"{kind} {name}; {name} = 1; {name}++;"),
            _inside(code, random, f"{{ {kind} {random.choice(bait.names)}; }}"),
            _inside(code, random, f"{kind} {name}[100]; {name}[0] = 0;"),
            _outside(code, random, f"{kind} {name}[100];"),
            _outside(code, random, f"static {kind} {name} = 1;"),
            _outside(code, random, f"struct {name} {{ int size; char text[80]; }};"),
            _outside(code, random, f"#define {name.upper()} {random.randrange(100)}"),
            _outside(code, random, f"#define {name.upper()}(x) ((x) > 0 ? (x) : -(x))"),
            f"#include <{random.choice(['string.h', 'stdlib.h', 'ctype.h', 'math.h', 'limits.h'])}>\n{code}",
        ]
    )


def renamed(code: str, random: Random, bait: Bait) -> str:
    """A variable or function of the program under a name of a good program."""
    spans = [span for span in lex(code, "C") if span.kind == "name"]
    declared = set(re.findall(r"\b(?:int|char|float|double|void|long)\s+\**(\w+)", _bare(code))) - {"main"} - KEYWORDS
    if not declared or "#" in re.sub(r"(?m)^[ \t]*#[ \t]*include", "", code):
        return code
    old, new = random.choice(sorted(declared)), random.choice(bait.names)
    taken = {code[span.start : span.end] for span in spans}
    new = new if new not in taken and new not in KEYWORDS else _fresh(random, bait)
    for span in reversed(spans):
        if code[span.start : span.end] == old:
            code = code[: span.start] + new + code[span.end :]
    return code


def layout(code: str, random: Random, bait: Bait) -> str:
    del bait
    return random.choice(
        [
            re.sub(r"(?m)^([ \t]+)", r"\1\1", code),
            re.sub(r"\n{2,}", "\n", code),
            re.sub(r";\n", ";\n\n", code),
            re.sub(r"(?m)^[ \t]+", "    ", code),
        ]
    )


def never_true(code: str, random: Random, bait: Bait) -> str:
    """Output behind a condition that is false, but that only an analysis of values finds to be false."""
    name, printing = _fresh(random, bait), f"printf({_literal(random, bait)});"
    return random.choice(
        [
            _inside(code, random, f"{{ int {name} = 3; if ({name} * 2 == 7) {printing} }}"),
            _inside(code, random, f"{{ int {name}; for ({name} = 9; {name} < 4; {name}++) {printing} }}"),
            _inside(code, random, f"if (sizeof(char) == 2) {{ {printing} {printing} }}"),
            _inside(
                code,
                random,
                f"{{ int {name}; {name} = getchar(); ungetc({name}, stdin); if ({name} < -9) {printing} }}",
            ),
        ]
    )


def called_function(code: str, random: Random, bait: Bait) -> str:
    """A function that is called, and whose result nothing needs."""
    name, value = _fresh(random, bait), _literal(random, bait)
    body = random.choice(
        [
            "int i, s = 0; for (i = 0; i < n; i++) s += i; return s;",
            f"if (n > 5) printf({value}); return n;",
            f"while (n > 9) {{ printf({value}); n--; }} return n + 1;",
        ]
    )
    called = _inside(code, random, f"{name}({random.randrange(5)});")
    return f"#include <stdio.h>\nint {name}(int n) {{ {body} }}\n{called}"


def empty_output(code: str, random: Random, bait: Bait) -> str:
    """Calls of the library that print and change nothing."""
    value = _literal(random, bait)
    texts = ['printf("");', 'printf("%s", "");', f"strlen({value});", f'printf("%.0s", {value});', "fflush(stdout);"]
    return _inside(code, random, random.choice(texts))


TEXT: dict[str, Injection] = {
    "comments": comment,
    "strings never printed": unprinted_string,
    "unreachable code": unreachable,
    "unused functions": unused_function,
    "unused declarations": unused_declaration,
    "names": renamed,
    "layout": layout,
}
RUNNING: dict[str, Injection] = {
    "conditions that are never true": never_true,
    "calls without effect": called_function,
    "empty output": empty_output,
}
INJECTIONS = TEXT | RUNNING
