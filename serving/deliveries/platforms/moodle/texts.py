"""Texts as Moodle stores and returns them. A remark is plain text that Moodle returns as HTML; a comment is HTML."""

import html
import re

from labs_schema.rubrics.rubric_text import html_text

NO_BREAK_SPACE = "\u00a0"
_TAG_START = re.compile(r"<(?=[A-Za-z/!?])")
_BETWEEN_TAGS = re.compile(r">(?=\s+<)")
_REFERENCE = re.compile(r"&(?=#?\w+;)")


def remark(text: str) -> str:
    """Plain text for a remark. Moodle shows it as it is, but returns it changed where it looks like HTML: tags such as
    `<stdio.h>` and spaces between two of them are removed. No-break spaces prevent that.
    """
    text = _TAG_START.sub(f"<{NO_BREAK_SPACE}", _BETWEEN_TAGS.sub(f">{NO_BREAK_SPACE}", text))
    return _REFERENCE.sub(f"&{NO_BREAK_SPACE}", text)


def remark_text(returned: str) -> str:
    """The plain text of a remark as Moodle returns it."""
    return re.sub(f"([<&]){NO_BREAK_SPACE}", r"\1", plain(returned))


def comment(text: str) -> str:
    """Plain text as HTML, a paragraph for each line."""
    return "".join(f"<p>{html.escape(line, quote=False)}</p>" for line in text.splitlines() if line.strip())


def plain(markup: str) -> str:
    """The text of HTML, with line breaks between its blocks."""
    lines = (line.strip(" \t\r") for line in html_text(markup).split("\n"))
    return "\n".join(line for line in lines if line)
