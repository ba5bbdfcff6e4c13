"""Renders students' files as highlighted HTML. Their text is hostile: it is escaped, and invisible characters are shown
by their code points."""

from collections.abc import Iterable
from typing import Any

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.lexers.special import TextLexer
from pygments.util import ClassNotFound

from labs_schema.frozen import Frozen
from labs_schema.limits import ReportLimits
from labs_schema.models import SourceFile


class ShownFile(Frozen):
    """`numbers`: line numbers, one per line. `html`: already escaped."""

    path: str
    numbers: str
    html: str


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


def _shown(file: SourceFile, language: str) -> ShownFile:
    text = visible(file.text).rstrip("\n")
    # Pygments may take unbounded time on hostile text, so long files are not highlighted.
    short = len(text) <= ReportLimits().highlighted_chars
    lexer = _lexer(file.path, language) if short else TextLexer(stripnl=False)
    html = highlight(text, lexer, HtmlFormatter(nowrap=True)).rstrip("\n")
    numbers = "\n".join(map(str, range(1, text.count("\n") + 2)))
    return ShownFile(path=visible(file.path), numbers=numbers, html=html)


def _lexer(path: str, language: str) -> Lexer:
    try:
        return get_lexer_for_filename(path, stripnl=False)
    except ClassNotFound:
        pass
    try:
        return get_lexer_by_name(language.lower(), stripnl=False)
    except ClassNotFound:
        return TextLexer(stripnl=False)
