"""Reads the problem statements of a lab: text, Markdown or a Word document."""

import io
import zipfile
from xml.etree import ElementTree

from labs_schema.files.decoding import ZIP_START
from labs_schema.files.file_reader import read_bytes
from labs_schema.limits import LabLimits
from labs_schema.reading.lab_folder import LabFolder
from labs_schema.reading.lab_folders import README, SHORT_STATEMENTS, STATEMENTS
from labs_schema.submissions.archives import ARCHIVE_ERRORS

LIMITS = LabLimits()

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_BREAKS = {f"{_WORD}br": "\n", f"{_WORD}cr": "\n", f"{_WORD}tab": "\t"}
_DOCUMENT = "word/document.xml"


def read_statements(lab: LabFolder) -> tuple[str, str]:
    """The verbose and the short problem statement; if only one exists, it is used for both. An error if none does.

    README.md is the statement if there is no other one.
    """
    verbose = {name: text for name in STATEMENTS if (text := _statement(lab, name))}
    short = next((text for name in SHORT_STATEMENTS if (text := _statement(lab, name))), "")
    if not verbose and not short and (readme := _statement(lab, README)):
        verbose = {README: readme}
    names = list(verbose)
    if len(set(verbose.values())) > 1:
        lab.issues.warning("two-statements", names[1], found=f"a text that differs from {names[0]}, which is used")
    full = next(iter(verbose.values()), "")
    if not full and not short:
        found = f"no text in {', '.join(STATEMENTS)}, {SHORT_STATEMENTS[0]} or {README}"
        lab.issues.error("no-statement", STATEMENTS[0], found=found)
    elif not full or not short:
        lab.issues.warning(
            "one-statement",
            SHORT_STATEMENTS[0] if full else STATEMENTS[0],
            found="only the verbose statement" if full else "only the short statement",
        )
    return full or short, short or full


def _statement(lab: LabFolder, name: str) -> str:
    if name not in lab.available:
        return ""
    data = read_bytes(lab.path / name, name, LIMITS.archive_bytes, lab.issues)
    if data and data.startswith(ZIP_START):
        text = _word_text(data, LIMITS.statement_bytes)
        if text is None:
            lab.issues.error("binary-file", name, found="a zip archive that is not a Word document")
        return text or ""
    text = lab.text(name, LIMITS.statement_bytes) if data else ""
    return text if text and text.strip() else ""


def _word_text(data: bytes, max_chars: int) -> str | None:
    """The paragraphs of a Word document (.docx), or None if it is not one."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(_DOCUMENT) as member:
            root = ElementTree.fromstring(member.read(20 * max_chars))  # bounded; expat limits entities
    except (*ARCHIVE_ERRORS, ElementTree.ParseError):
        return None
    paragraphs = ("".join(_run(part) for part in each.iter()) for each in root.iter(f"{_WORD}p"))
    return "\n".join(paragraphs)[:max_chars] + "\n"


def _run(part: ElementTree.Element) -> str:
    return (part.text or "") if part.tag == f"{_WORD}t" else _BREAKS.get(part.tag, "")
