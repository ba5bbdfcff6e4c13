"""Students' files in the report: all of their text is there, none of it is markup."""

import html
import re

import pytest

from grader.report.code import MOST_COLOURED, highlight_style, shown_files
from labs_schema.models import SourceFile


def read(path: str, text: str, language: str = "C") -> str:
    """What a reader sees of a file."""
    (shown,) = shown_files([SourceFile(path=path, text=text)], language)
    return html.unescape(re.sub(r"<[^>]*>", "", shown.html))


@pytest.mark.parametrize("path", ["main.c", "Main.java", "main.py", "notes", "a.html", "b.php", "c.zzz"])
def test_a_file_reads_as_it_was_handed_in(path: str) -> None:
    text = "\n\nint a;\n\t</span><script>alert('\"')</script> <?php {{ x }} /* open"
    assert read(path, text) == text


def test_what_cannot_be_seen_is_named() -> None:
    assert read("a.c", "a\u202eb\x00c\u200bd\r\ne") == "a[U+202E]b[U+0000]c[U+200B]d\ne"


def test_lines_are_numbered() -> None:
    (shown,) = shown_files([SourceFile(path="a.c", text="one\n\nthree\n\n")], "C")
    assert shown.numbers == "1\n2\n3"


def test_a_huge_file_is_shown_without_colours() -> None:
    (shown,) = shown_files([SourceFile(path="a.c", text="int a;\n" * (MOST_COLOURED // 6))], "C")
    assert "<span" not in shown.html and shown.html.startswith("int a;")


def test_colours_are_classes_of_the_code_alone() -> None:
    rules = [line for line in highlight_style().splitlines() if line.strip(" }") and "@media" not in line]
    assert len(rules) > 40 and all(rule.startswith(".code .") for rule in rules)
