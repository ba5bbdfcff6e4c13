"""Feedback as HTML, Markdown and PDF: nothing is lost, nothing of a text becomes structure, equal bytes again."""

import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pypdf import PdfReader

from serving.feedback.feedback import Feedback, FeedbackCheck, FeedbackCriterion
from serving.feedback.html import html
from serving.feedback.markdown import escaped, fenced, markdown
from serving.feedback.pdf import pdf

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "[click](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "http://evil.example www.evil.example a@evil.example",
    "# heading\n- item\n1. one\n    code\n> quote\n| a | b |\n|---|---|\n---",
    "```\n````\n~~~\n",
    "{{ 7 * 7 }} {% raw %} &lt; &#60;",
    "\x1b[31m\x00\u202e\u2028line",
    "*a* _b_ **c** `d` ~~e~~ \\",
    "<!-- --> <![CDATA[ ]]> <?php ?>",
]
FORMULAS = "=1+1"


def made(text: str) -> Feedback:
    criterion = FeedbackCriterion(
        **dict.fromkeys(("title", "description", "rating", "meaning", "comment"), text),
        marks=1,
        max_marks=2,
        evidence=(text,),
        provisional=True,
        probabilities={text: 0.25},
    )
    check = FeedbackCheck(name=text, outcome="failed", texts={"Actual": text}, lines=(text,))
    return Feedback(lab=text, student=text, criteria=(criterion,), total=1, max_marks=2, checks=(check,))


class Tags(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.text = list[tuple[str, tuple[str, ...]]](), ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_html_has_the_same_elements_whatever_the_texts(text: str) -> None:
    found, harmless = Tags(html(made(text))), Tags(html(made("x")))
    assert found.tags == harmless.tags
    assert found.text.count(text) == html(made("x")).count(">x<") or text in found.text


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_has_the_same_blocks_and_no_link_or_html(text: str) -> None:
    def tokens(source: str) -> list[str]:
        parser = MarkdownIt("gfm-like", {"linkify": False})
        return [token.type for token in parser.parse(markdown(made(source)))]

    assert tokens(text) == tokens("x")
    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(markdown(made(text)))
    assert not re.search(r"<(a|img|script|table|em|del)\b", rendered)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_markdown_renders_any_text_literally(text: str) -> None:
    inline = MarkdownIt("commonmark").parse(f"x{escaped(text)}")[1]
    assert {child.type for child in inline.children or ()} <= {"text", "hardbreak", "softbreak", "text_special"}


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="`~ \nab", max_size=40))
def test_a_code_block_has_its_text_and_ends_after_it(text: str) -> None:
    blocks = MarkdownIt("commonmark").parse(f"{fenced(text)}\n\nafter")
    assert [block.type for block in blocks] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert blocks[0].content == f"{text}\n"


def test_bare_addresses_are_no_links_in_markdown() -> None:
    assert "http://" not in markdown(made("http://evil.example")).split("```")[0]
    assert "www." not in markdown(made("www.evil.example")).split("```")[0]


def test_pdf_has_every_text_and_the_same_bytes_again() -> None:
    feedback = made("Größe Привет Ωμέγα: naïve <b>, 中")
    data = pdf(feedback)
    assert data == pdf(feedback)
    text = "\n".join(page.extract_text() for page in PdfReader(BytesIO(data)).pages)
    for expected in ("Größe", "Привет", "Ωμέγα", "<b>", "U+4E2D", "1 / 2", "25%", "provisional"):
        assert expected in text


def test_pdf_takes_any_text(tmp_path: Path) -> None:
    long = "x" * 3000 + "\n" + "\n".join(f"line {number}" for number in range(200))
    document = PdfReader(BytesIO(pdf(made("\n".join([*HOSTILE, long])))))
    assert len(document.pages) > 5
    for page in document.pages:
        assert "/Annots" not in page and "/AA" not in page
    assert "/OpenAction" not in document.trailer["/Root"] or "JavaScript" not in str(document.trailer["/Root"])
    assert not list(tmp_path.iterdir())
