"""Problem statements: text, Markdown or a Word document."""

from collections.abc import Callable
from pathlib import Path

import pytest

from labs_schema.models import Lab
from labs_schema.reading.validate import read_lab
from tests.harness.courses.lab_folders import write_lab
from tests.labs_schema.submissions.uploads import Files, put, zipped


def document(*paragraphs: str) -> bytes:
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    return zipped({"word/document.xml": f"<w:document {space}><w:body>{body}</w:body></w:document>".encode()})


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"ps.md": b"# Square\n"}, "# Square\n"),
        ({"README.md": b"# Square\n"}, "# Square\n"),
        ({"README.md": b"About this lab\n", "ps.txt": b"Square\n"}, "Square\n"),
        ({"ps.docx": document("Read n.", "Print n \u00d7 n.")}, "Read n.\nPrint n \u00d7 n.\n"),
        ({"ps.txt": document("Renamed.")}, "Renamed.\n"),
        ({"ps.txt": b"PK is the primary key.\n"}, "PK is the primary key.\n"),
        ({"ps.txt": "Imprim\u00e9\r\n".encode("utf-16")}, "Imprim\u00e9\n"),
    ],
)
def test_statement_may_be_markdown_or_a_word_document(
    tmp_path: Path, make_lab: Callable[..., Lab], files: Files, problem: str
) -> None:
    write_lab(make_lab(), tmp_path / "lab1")
    for name in ("ps.txt", "modified_ps.txt"):
        (tmp_path / "lab1" / name).unlink()
    lab = read_lab(put(tmp_path / "lab1", files)).lab
    assert lab is not None and lab.problem == problem
