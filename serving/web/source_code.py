"""Renders students' files as highlighted HTML. Their text is hostile: it is escaped, and invisible characters are shown
by their code points."""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.lexers.special import TextLexer
from pygments.util import ClassNotFound

from labs_schema.frozen import Frozen
from labs_schema.limits import PageLimits, ReportLimits
from labs_schema.models import SourceFile


class ShownFile(Frozen):
    """`numbers`: line numbers, one per line. `html`: already escaped."""

    path: str
    numbers: str
    html: str


class Listing(NamedTuple):
    """`lines`: escaped HTML, one per line. `anchor`: prefix of the lines' ids: line 3 is `L3` in the first file."""

    path: str
    anchor: str
    lines: tuple[Markup, ...]


def listings(files: Iterable[SourceFile], language: str) -> tuple[Listing, ...]:
    """The files in order, with anchors for every line."""
    return tuple(
        Listing(
            path=shown.path,
            anchor="L" if number == 1 else f"f{number}-L",
            lines=tuple(map(Markup, shown.html.split("\n"))),
        )
        for number, shown in enumerate(shown_files(files, language), 1)
    )


LINE = re.compile(r"\b(?i:lines?|zeilen?)\s+(\d{1,6})|(?<![\w/.-])([\w./-]{1,200}):(\d{1,6})\b")
"""`line 12`, or `main.c:12`."""


def with_line_links(text: str, shown: Sequence[Listing]) -> Markup:
    """`text`, escaped, with links to the lines that it names."""
    by_path = {each.path: each for each in shown}

    def link(found: re.Match[str]) -> Markup:
        listing = by_path.get(found[2]) if found[2] else (shown[0] if shown else None)
        number = int(found[1] or found[3])
        if listing is None or not 1 <= number <= len(listing.lines):
            return escape(found[0])
        return Markup('<a href="#{}{}">{}</a>').format(listing.anchor, number, found[0])

    text, parts, end = visible(text), list[Markup](), 0
    for found in LINE.finditer(text):
        parts += [escape(text[end : found.start()]), link(found)]
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


def shown_files(files: Iterable[SourceFile], language: str) -> tuple[ShownFile, ...]:
    """The files in order. `language`: the lab's, for files whose name does not determine the language."""
    return tuple(_shown(file, language) for file in files)


def highlight_style() -> Markup:
    """The style sheet of the highlighting: dark colours on dark screens, light ones elsewhere and in print."""
    dark = f"@media screen and (prefers-color-scheme: dark) {{\n{_rules('github-dark')}\n}}"
    return Markup(f"{_rules('default')}\n{dark}\n")


def _rules(style: str) -> str:
    """Only the rules for classes; Pygments also writes rules for every `pre` of the page."""
    formatter: Any = HtmlFormatter(style=style)
    return "\n".join(rule for rule in formatter.get_style_defs(".code").splitlines() if rule.startswith(".code ."))


def visible(text: str) -> str:
    """`text` with control, bidirectional and invisible characters replaced by their code point, as `[U+202E]`."""
    lines = text.replace("\r\n", "\n")
    return "".join(c if c.isprintable() or c in "\n\t" else f"[U+{ord(c):04X}]" for c in lines)


@lru_cache(maxsize=PageLimits().highlighted_files)
def _shown(file: SourceFile, language: str) -> ShownFile:
    text = visible(file.text).rstrip("\n")
    # Pygments may take unbounded time on hostile text, so long files are not highlighted.
    short = len(text) <= ReportLimits().highlighted_chars
    lexer = _lexer(file.path, language) if short else TextLexer(stripnl=False)
    html = highlight(text, lexer, HtmlFormatter(nowrap=True)).rstrip("\n")
    numbers = "\n".join(map(str, range(1, text.count("\n") + 2)))
    return ShownFile(path=visible(file.path), numbers=numbers, html=html)


def _lexer(path: str, language: str) -> Lexer:
    """The lexer by file name, then by language. A notebook is shown as the program that was read from it, not as
    JSON."""
    if not path.endswith(".ipynb"):
        with suppress(ClassNotFound):
            return get_lexer_for_filename(path, stripnl=False)
    with suppress(ClassNotFound):
        return get_lexer_by_name(language.lower(), stripnl=False)
    return TextLexer(stripnl=False)
