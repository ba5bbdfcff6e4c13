"""Code that can never run: `#if 0`, `if (0)`, statements after a `return`.

Only what is visible without evaluating expressions. Time is linear in the length of the text.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from labs_schema.source.lexer import Span
from labs_schema.source.replacing import replaced

Range = tuple[int, int]

_DIRECTIVE = re.compile(r"(?<!\\\n)^[ \t]*+#[ \t]*+(if|ifdef|ifndef|elif|else|endif)\b([^\n]*+)", re.M)
_NEVER = re.compile(r"[\s(]*+(?:0|false|!\s*+1)[\s)]*+(?:&&.*+)?$")
_ALWAYS = re.compile(r"[\s(]*+(?:1|true|!\s*+0)[\s)]*+$")
_FALSE_BLOCK = re.compile(r"\b(?:if|while)[ \t]*+\([ \t]*+(?:0|false|!1|!true)[ \t]*+\)\s*+\{")
_AFTER_RETURN = re.compile(r"(?<=[;{}])\s*+return\b[^;{}]*+;(?!\s*+(?:case\b|default\b|\w++[ \t]*+:))")
_BRACE = re.compile(r"[{}]")
_NEVER_LINE = re.compile(r"[ \t]*+(?:if|while)[ \t(]++(?:0|False|None)[ \t)]*+:")
_LEAVES = re.compile(r"[ \t]*+(?:return|raise)\b")


def blank_comments_and_strings(text: str, spans: Iterable[Span], quote: str = " ") -> str:
    """`text` with comments and strings blanked; length and newlines stay the same. Strings start with `quote`."""

    def blank(span: Span) -> str:
        spaces = re.sub(r"[^\n]", " ", text[span.start : span.end])
        return quote + spaces[1:] if span.kind == "string" else spaces

    blanked = (span for span in spans if span.kind in ("comment", "docstring", "string"))
    return replaced(text, ((span.start, span.end, blank(span)) for span in blanked))


def dead_ranges(text: str, language: str, spans: Sequence[Span]) -> tuple[Range, ...]:
    """Ranges of `text` that never run, sorted by start; they may be nested."""
    bare = blank_comments_and_strings(text, spans)
    if language == "Python":
        return tuple(_indented(bare))
    return tuple(sorted([*dropped_ranges(text, language, spans), *_braced(bare)]))


def dropped_ranges(text: str, language: str, spans: Sequence[Span]) -> tuple[Range, ...]:
    """Code removed by the C preprocessor: `#if 0` up to its `#else` or `#endif`, and the `#else` branch of `#if 1`."""
    return tuple(_dropped(blank_comments_and_strings(text, spans))) if language in ("C", "C++") and "#" in text else ()


def _dropped(bare: str) -> Iterator[Range]:
    branches: list[tuple[bool, bool]] = []  # for each open #if: is this branch dropped, are the others
    depth, start = 0, 0
    for match in _DIRECTIVE.finditer(bare):
        word, before = match[1], depth
        if word.startswith("if"):
            branches.append((word == "if" and bool(_NEVER.match(match[2])), bool(_ALWAYS.match(match[2]))))
            depth += branches[-1][0]
        elif branches:
            dropped, others = branches.pop()
            depth -= dropped
            if word != "endif":
                branches.append((others, others))
                depth += others
        if depth and not before:
            start = match.end()
        elif before and not depth:
            yield start, match.start()
    if depth:
        yield start, len(bare)


def _braced(bare: str) -> Iterator[Range]:
    """Blocks with a false condition, and the statements of a block after its return."""
    opens = {match.end() - 1 for match in _FALSE_BLOCK.finditer(bare)}
    returns = iter([match.end() for match in _AFTER_RETURN.finditer(bare)])
    waiting = next(returns, None)
    blocks: list[int | None] = []  # for each open brace: start of its dead part
    for match in _BRACE.finditer(bare):
        while waiting is not None and waiting <= match.start():
            if blocks and blocks[-1] is None:
                blocks[-1] = waiting
            waiting = next(returns, None)
        if match.group() == "{":
            blocks.append(match.end() if match.start() in opens else None)
        elif blocks and (start := blocks.pop()) is not None and bare[start : match.start()].strip():
            yield start, match.start()


def _indented(bare: str) -> Iterator[Range]:
    """Python: the block of `if False:`, and the statements after a return at the same indentation."""
    start, limit, position = None, 0, 0
    within = 0  # open brackets: lines inside have arbitrary indentation
    for line in bare.splitlines(keepends=True):
        indent = len(line) - len(line.lstrip(" \t"))
        if line.strip() and not within:
            if start is not None and indent < limit:
                if bare[start:position].strip():
                    yield start, position
                start = None
            if start is None and _NEVER_LINE.match(line):
                start, limit = position + len(line), indent + 1
            elif start is None and _LEAVES.match(line):
                start, limit = position + len(line), indent
        within = max(0, within + sum(map(line.count, "([{")) - sum(map(line.count, ")]}")))
        position += len(line)
    if start is not None:
        yield start, position
