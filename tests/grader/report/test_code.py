"""Students' files in the report: the complete text, and none of it as markup."""

import html
import re

import pytest

from labs_schema.limits import ReportLimits
from labs_schema.models import SourceFile
from serving.web.source_code import highlight_style, shown_files


def read(path: str, text: str, language: str = "C") -> str:
    """The text of a file as a reader sees it."""
    (shown,) = shown_files([SourceFile(path=path, text=text)], language)
    return html.unescape(re.sub(r"<[^>]*>", "", shown.html))


@pytest.mark.parametrize("path", ["main.c", "Main.java", "main.py", "notes", "a.html", "b.php", "c.zzz"])
def test_shown_text_equals_the_file(path: str) -> None:
    text = "\n\nint a;\n\t</span><script>alert('\"')</script> <?php {{ x }} /* open"
    assert read(path, text) == text


def test_invisible_characters_are_shown_by_code_point() -> None:
    assert read("a.c", "a\u202eb\x00c\u200bd\r\ne") == "a[U+202E]b[U+0000]c[U+200B]d\ne"


def test_lines_are_numbered() -> None:
    (shown,) = shown_files([SourceFile(path="a.c", text="one\n\nthree\n\n")], "C")
    assert shown.numbers == "1\n2\n3"


def test_long_file_is_not_highlighted() -> None:
    (shown,) = shown_files([SourceFile(path="a.c", text="int a;\n" * (ReportLimits().highlighted_chars // 6))], "C")
    assert "<span" not in shown.html and shown.html.startswith("int a;")


def test_highlight_rules_apply_to_code_only() -> None:
    rules = [line for line in highlight_style().splitlines() if line.strip(" }") and "@media" not in line]
    assert len(rules) > 40 and all(rule.startswith(".code .") for rule in rules)
