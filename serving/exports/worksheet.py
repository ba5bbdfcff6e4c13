"""Moodle's offline grading worksheet: the teacher's own file, with nothing changed but grades and feedback.

Moodle finds columns by headings in the user's language and dates by their text, so that a rewritten file would be
refused or lose grades. Cells are therefore replaced in the file's text; all other bytes stay as they are.
"""

import codecs
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from labs_schema.errors import InputError, error_issue
from labs_schema.imports.identities import folded, row_entries
from labs_schema.imports.platform_tables import PlatformTable, number_of
from labs_schema.reading.roster import folded_heading
from labs_schema.tables.csv_writer import number
from serving.exports.matching import match_rows
from serving.exports.results import Results, StudentResult
from serving.exports.scores import Change, ExportReport, Policy, report

# fmt: off
GRADE_HEADINGS = frozenset({
    "grade", "bewertung", "note", "calificacion", "valutazione", "voto", "nota", "avaliacao", "cijfer", "betyg",
})
FEEDBACK_HEADINGS = frozenset({
    "feedbackcomments", "feedbackalskommentar", "feedbackkommentare", "feedbackparcommentaires", "commentaires",
    "comentariosderetroalimentacion", "comentariosdefeedback", "commentidifeedback", "feedbackcommenti", "comentarios",
})
# fmt: on
LOCKED = frozenset("no nein non não nee nej nei nie ne ei hayır nem нет ні".split())  # noqa: RUF001, SIM905
SCALE_SEPARATOR = re.compile(r"\s{2,}|\n")
"""Moodle lists the items of a scale with four spaces between them, in older versions with line ends."""


class RawCell(NamedTuple):
    """A cell and its place in the text; `start` and `end` include the quotes."""

    start: int
    end: int
    text: str
    quoted: bool


@dataclass(frozen=True)
class Columns:
    """Headings chosen by the user; None to find them by their usual names."""

    grade: str | None = None
    feedback: str | None = None


def edit_worksheet(data: bytes, results: Results, policy: Policy, columns: Columns) -> tuple[bytes, ExportReport]:
    """The worksheet with the grades and feedback of `results`, and the report.

    A student without a grade to write, or not on the worksheet, keeps both cells as they are: an empty feedback cell
    would erase the stored feedback. Grades that Moodle would skip without a message are not written, and reported:
    the gradebook has locked them, or they are outside of the range. Raises InputError if a column is missing, or if the
    maxima or the scale differ.
    """
    text, encoding = _decoded(data)
    rows = raw_rows(text, _delimiter(text))
    if not rows:
        raise InputError([error_issue("no-export", "worksheet", found="an empty file", expected="a grading worksheet")])
    grade, feedback = _column(rows[0], columns.grade, GRADE_HEADINGS, "--column"), _feedback(rows[0], columns.feedback)
    table = _as_table(rows)
    entries = [entry.ids if entry else () for entry in row_entries(table)]
    match = match_rows([each.student for each in results.students], entries)
    edits: list[tuple[RawCell, str]] = []
    changes: dict[str, Change] = {}
    refused = []
    for result in results.students:
        cells = rows[match.row_of[result.student] + 1] if result.student in match.row_of else ()
        written = _written(result, cells, grade, policy) if len(cells) > grade else None
        if written is None:
            continue
        if _is_locked(cells, grade) or not _in_range(written, cells, grade):
            refused.append(result.student)
            continue
        changes[result.student] = Change(student=result.student, before=cells[grade].text, after=written)
        edits.append((cells[grade], written))
        if feedback is not None and feedback < len(cells):
            edits.append((cells[feedback], feedback_html(result)))
    edited = _replaced(text, [(cell, new) for cell, new in edits if cell.text != new], _delimiter(text))
    reported = report(results, changes, match.missing, match.unused)
    reported = reported.model_copy(update={"no_feedback_column": feedback is None, "refused": tuple(refused)})
    return edited.encode(encoding, errors="replace"), reported


def feedback_html(result: StudentResult) -> str:
    """Moodle stores feedback as HTML."""
    return "".join(f"<p>{html.escape(line, quote=False)}</p>" for line in result.feedback.splitlines() if line.strip())


def raw_rows(text: str, delimiter: str) -> list[list[RawCell]]:
    """The cells of each row with their places. An unclosed quote ends with the text."""
    rows: list[list[RawCell]] = []
    row: list[RawCell] = []
    at, end = (1 if text.startswith("\ufeff") else 0), len(text)
    stop = re.compile(rf"[{re.escape(delimiter)}\r\n]")
    closing = re.compile(r'(?:[^"]|"")*"?')
    while at < end or row:
        if text.startswith('"', at):
            quoted = closing.match(text, at + 1)
            after = quoted.end() if quoted else end
            found = stop.search(text, after)
            close = found.start() if found else end
            row.append(RawCell(at, close, text[at + 1 : after].removesuffix('"').replace('""', '"'), True))
        else:
            found = stop.search(text, at)
            close = found.start() if found else end
            row.append(RawCell(at, close, text[at:close], False))
        if close < end and text[close] == delimiter:
            at = close + 1
            continue
        rows.append(row)
        row, at = [], close + (2 if text.startswith("\r\n", close) else 1)
    return rows


def _decoded(data: bytes) -> tuple[str, str]:
    """The text and the encoding that turns it back into the same bytes; a byte order mark stays in the text."""
    if data.startswith(codecs.BOM_UTF16_LE) or data.startswith(codecs.BOM_UTF16_BE):
        encoding = "utf-16-le" if data.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    else:
        encoding = "utf-8"
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def _delimiter(text: str) -> str:
    return max(",;\t", key=lambda each: len(next(iter(raw_rows(text.split("\n", 1)[0], each)), ())))


def _as_table(rows: Sequence[Sequence[RawCell]]) -> PlatformTable:
    header = tuple(cell.text.strip() for cell in rows[0])
    padded = (tuple(cell.text.strip() for cell in row) + ("",) * len(header) for row in rows[1:])
    return PlatformTable(header, tuple(row[: len(header)] for row in padded))


def _column(header: Sequence[RawCell], chosen: str | None, usual: frozenset[str], option: str) -> int:
    keys = [folded_heading(cell.text) for cell in header]
    wanted = usual if chosen is None else {folded_heading(chosen)}
    found = [index for index, key in enumerate(keys) if key in wanted]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(cell.text.strip() for cell in header)[:300]
    hint = f"Pass the column's heading with {option}."
    raise InputError([error_issue("no-column", "worksheet", found=f"the columns {listed}", hint=hint)])


def _feedback(header: Sequence[RawCell], chosen: str | None) -> int | None:
    """The feedback column; None if there is none, which depends on the assignment's settings."""
    if chosen is None and not any(folded_heading(cell.text) in FEEDBACK_HEADINGS for cell in header):
        return None
    return _column(header, chosen, FEEDBACK_HEADINGS, "--feedback-column")


def _written(result: StudentResult, cells: Sequence[RawCell], grade: int, policy: Policy) -> str | None:
    """The text of the grade's cell; None for a grade that may not be written.

    Raises InputError if the maxima differ, or for a scale without the rating.
    """
    before, after = cells[grade].text, cells[grade + 1].text.strip() if grade + 1 < len(cells) else ""
    maximum = number_of(after)
    if after and maximum is None:
        return _scale_item(result, SCALE_SEPARATOR.split(after)) if policy.allows(result) else None
    score = policy.score(result, maximum)
    if score is None or number_of(before) == score:
        return None if score is None else before
    return number(score).replace(".", ",") if "," in after or "," in before else number(score)


def _scale_item(result: StudentResult, items: Sequence[str]) -> str:
    """The item of the scale that is the rating of the only criterion; Moodle skips any other text without a message."""
    ratings = [folded(each.rating or "") for each in result.criteria]
    found = [item for item in items if [folded(item)] == ratings]
    if len(found) == 1:
        return found[0]
    expected = "points, or a rubric with one criterion whose ratings are the items of the scale"
    raise InputError(
        [error_issue("scale-differs", "worksheet", found=f"the scale {', '.join(items)[:200]}", expected=expected)]
    )


def _is_locked(cells: Sequence[RawCell], grade: int) -> bool:
    """`Grade can be changed` is up to three columns after the maximum or scale, in the user's language."""
    return any(cell.text.strip().casefold() in LOCKED for cell in cells[grade + 2 : grade + 5])


def _in_range(written: str, cells: Sequence[RawCell], grade: int) -> bool:
    score, maximum = number_of(written), number_of(cells[grade + 1].text) if grade + 1 < len(cells) else None
    return score is None or (score >= 0 and (maximum is None or score <= maximum))


def _replaced(text: str, edits: Sequence[tuple[RawCell, str]], delimiter: str) -> str:
    parts, at = [], 0
    for cell, new in sorted(edits):
        quoted = cell.quoted or any(char in new for char in f'"\r\n{delimiter}') or new != new.strip()
        parts += [text[at : cell.start], '"' + new.replace('"', '""') + '"' if quoted else new]
        at = cell.end
    return "".join([*parts, text[at:]])
