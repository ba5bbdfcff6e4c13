"""Descriptions as plain text: rubrics copied from course platforms contain HTML."""

import re
from html.parser import HTMLParser

from labs_schema.rubrics.titles import clean_text

_BLOCKS = frozenset(
    {"p", "div", "ul", "ol", "li", "br", "table", "tr", "pre", "blockquote", *(f"h{n}" for n in range(1, 7))}
)
_INLINE = frozenset({"span", "b", "i", "u", "em", "strong", "a", "code", "sub", "sup", "td", "th", "tbody", "thead"})
_TAGS = _BLOCKS | _INLINE
_HTML = re.compile(r"<([a-z0-9]+)(?:\s[^<>]*)?>.*(?:</([a-z0-9]+)>|<br\s*/?>)", re.DOTALL | re.IGNORECASE)


def clean_description(written: str) -> str:
    """`written` stripped, in NFC, with LF line ends; as plain text if it is an HTML fragment, with `- ` for list items.

    Only text that starts with a tag of formatted text counts as HTML: `vector<int>` is none.
    """
    text = written.replace("\r\n", "\n").replace("\r", "\n").strip()
    if (found := _HTML.fullmatch(text)) and found[1].lower() in _TAGS and (found[2] or "br").lower() in _TAGS:
        lines = (" ".join(line.split()) for line in html_text(text, formatting_only=True).split("\n"))
        text = "\n".join(line for line in lines if line)
    return clean_text(text).strip()


def html_text(markup: str, *, formatting_only: bool = False) -> str:
    """The text of HTML, with line breaks before and after its blocks.

    `formatting_only`: list items get `- `, and tags that are not formatting are text.
    """
    parser = _Text(formatting_only)
    parser.feed(markup)
    parser.close()
    return "".join(parser.parts)


class _Text(HTMLParser):
    def __init__(self, formatting_only: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._formatting_only = formatting_only

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in _BLOCKS:
            self.parts.append("\n- " if tag == "li" and self._formatting_only else "\n")
        elif tag not in _TAGS and self._formatting_only:
            self.parts.append(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS and tag != "br":
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)
