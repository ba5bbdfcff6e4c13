"""Ratings tables as spreadsheets write them: the same ratings in any notation, and never a rating that no TA gave."""

# ruff: noqa: RUF001
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from labs_schema.models import Lab
from labs_schema.reading.validate import read_lab
from tests.harness.courses.lab_folders import write_lab
from tests.labs_schema.tables.spreadsheet_files import ods, xlsx

COMPILES, CORRECT = "Does it compile?", "Is it correct?"
HEADER = [
    ["Criterion", COMPILES, COMPILES, COMPILES, CORRECT, CORRECT],
    ["Description", "With gcc", "With gcc", "With gcc", "On tests", "On tests"],
    ["Rating", "A", "B", "C", "A", "B"],
    ["Rating description", "Without warnings", "With warnings", "No", "On all", "On none"],
    ["Marks", "2", "1", "0", "2", "0"],
    ["Student", "", "", "", "", ""],
]
ROWS = [["s1@cs", "1", "0", "0", "1", "0"], ["s2@cs", "0", "1", "0", "0", "1"], ["s3@cs", "1", "0", "0", "1", "0"]]
RATINGS = {
    "s1": {COMPILES: "A", CORRECT: "A"},
    "s2": {COMPILES: "B", CORRECT: "B"},
    "s3": {COMPILES: "A", CORRECT: "A"},
}
RUBRIC = [
    {
        "title": title,
        "description": description,
        "Ratings": [{"title": t, "description": d, "marks": m} for t, d, m in ratings],
    }
    for title, description, ratings in (
        (COMPILES, "With gcc", [("A", "Without warnings", 2), ("B", "With warnings", 1), ("C", "No", 0)]),
        (CORRECT, "On tests", [("A", "On all", 2), ("B", "On none", 0)]),
    )
]
Read = Callable[..., tuple[Lab | None, list[str]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a lab with three submissions and the given table; the codes of its issues come without repetitions."""

    def read_table(
        table: str | bytes, rubric: object = RUBRIC, name: str = "rubric_ratings.csv"
    ) -> tuple[Lab | None, list[str]]:
        for number in (1, 2, 3):
            (tmp_path / "lab" / "submissions" / f"s{number}@cs").mkdir(parents=True, exist_ok=True)
            (tmp_path / "lab" / "submissions" / f"s{number}@cs" / "main.c").write_text(
                f"int main() {{ return {number}; }}"
            )
        (tmp_path / "lab" / "ps.txt").write_text("Print a square.")
        (tmp_path / "lab" / "modified_ps.txt").write_text("Print a square.")
        (tmp_path / "lab" / "rubrics.json").write_text(rubric if isinstance(rubric, str) else json.dumps(rubric))
        (tmp_path / "lab" / name).write_bytes(table if isinstance(table, bytes) else table.encode())
        validated = read_lab(tmp_path / "lab")
        return validated.lab, sorted({issue.code for issue in validated.issues})

    return read_table


def text(rows: list[list[str]], delimiter: str = ",") -> str:
    return "".join(delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in row) + "\r\n" for row in rows)


def table(*rows: list[str], header: list[list[str]] = HEADER) -> str:
    return text([*header, *(rows or ROWS)])


def with_cells(given: str, other: str) -> str:
    cells = {"1": given, "0": other}
    return table(*([row[0], *(cells[cell] for cell in row[1:])] for row in ROWS))


def with_column(*cells: str, at: int = 6) -> str:
    rows = [*HEADER, *ROWS]
    return text([[*row[:at], cell, *row[at:]] for row, cell in zip(rows, cells, strict=True)])


MERGED = [
    ["Criterion", COMPILES, "", "", CORRECT, ""],
    ["Description", "With gcc", "", "", "On tests", ""],
    *HEADER[2:],
]
COMMA = [*HEADER[:4], ["Marks", "2", "1,0", "0,00", "2 pts", "0"], HEADER[5]]


@pytest.mark.parametrize(
    ("written", "codes"),
    [
        (table(), []),
        (text([*HEADER, *ROWS], ";"), []),
        ("sep=;\r\n" + text([*COMMA, *ROWS], ";"), []),
        (text([*HEADER, *ROWS], "\t").encode("utf-16"), []),
        (table(header=MERGED), []),
        (with_cells("TRUE", "FALSE"), []),
        (with_cells("wahr", "falsch"), []),
        (with_cells("Oui", "Non"), []),
        (with_cells("1.00", "0.00"), []),
        (with_cells("1,0", "0,0"), []),
        (with_cells("x", ""), []),
        (with_cells("✓", "✗"), []),
        (with_cells("☑", "☐"), []),
        (with_cells("１", "–"), []),
        (with_column("Total", "", "", "", "", "", "4", "1", "4"), ["extra-column"]),
        (with_column("", "", "", "", "", "Name", "Ann", "Bo", "Cy", at=1), ["extra-column"]),
        (with_column(COMPILES, "", "Comments", "", "", "", "Well done", "1", "x", at=4), ["extra-column"]),
        (with_column("Attendance", "", "", "", "", "", "80%", "70%", "late"), ["extra-column"]),
        (with_column(*[""] * 9), []),
        (table(*ROWS, ["Average", *["0.5"] * 5], [""] * 6, ["Total: 3", *[""] * 5]), ["summary-row"]),
        (table(*ROWS, ["Durchschnitt", *["0.5"] * 5], ["1 = given, 0 = not", *[""] * 5]), ["summary-row"]),
        (table(*ROWS, ["", "2", "1", "0", "2", "1"]), ["summary-row"]),
        (table(["s1@cs", "2", "", "", "2", ""], ["s2@cs", "", "1", "", "", "0"], ["s3@cs", "2", "", "", "2", ""]),
         ["points-for-ratings"]),
    ],
)  # fmt: skip
def test_ratings_are_read_in_any_notation(written: str | bytes, codes: list[str], read: Read) -> None:
    lab, found = read(written)
    assert found == codes and lab is not None
    assert lab.ratings_by_student == RATINGS
    assert [criterion.max_marks for criterion in lab.criteria] == [2, 2] and lab.unreadable == ()


@pytest.mark.parametrize("name", ["rubric_ratings.xlsx", "rubric_ratings.ods"])
def test_ratings_are_read_from_spreadsheets(name: str, read: Read) -> None:
    rows = [[int(cell) if cell in ("0", "1", "2") else cell for cell in row] for row in [*MERGED, *ROWS]]
    lab, codes = read(xlsx(rows) if name.endswith("xlsx") else ods(rows), name=name)
    assert codes == [] and lab is not None and lab.ratings_by_student == RATINGS


NEVER = [
    "#N/A",
    "#REF!",
    "#DIV/0!",
    "#VALUE!",
    "#NAME?",
    "#WERT!",
    "Err:502",
    "?",
    "??",
    "…",
    "–",
    "—",
    "-",
    "--",
    "✗",
    "✘",
    "❌",
    "☐",
    "☒",
    "👍",
    "n/a",
    "N/A",
    "NA",
    "none",
    "null",
    "nan",
    "0",
    "0.00",
    "FALSE",
    "no",
    "absent",
    "Absent (ill)",
    "not submitted",
    "Not submitted.",
    "did not submit",
    "no submission",
    "nicht abgegeben",
    "non rendu",
    "no entregado",
    "non consegnato",
    "não entregue",
    "ausente",
    "fehlt",
    "krank",
    "ungraded",
    "not graded yet",
    "To be graded",
    "2",
    "0.5",
    "-1",
    "100%",
    "1/2",
    "1-Feb",
    "2026-02-01",
    "12:30",
    "B",
]


NOTES = [
    "late",
    "Late (2 days)",
    "2 days late",
    "late submission",
    "submitted late",
    "Late!",
    "plagiarism",
    "Plagiarised",
    "suspected plagiarism?",
    "plagiarism - see s3",
    "cheating",
    "copied from s2",
    "resubmit",
    "please resubmit",
    "Re-submission required",
    "redo",
    "see me",
    "extension",
    "exempt",
    "wrong file",
    "verspätet",
    "Plagiat",
    "en retard",
    "copiado",
    "in ritardo",
    "atrasado",
]
"""Notes about the submission or the student, not about the criterion."""


@pytest.mark.parametrize("cell", [*NEVER, *NOTES])
def test_cell_is_never_a_rating(cell: str, read: Read) -> None:
    lab, codes = read(table(["s1@cs", cell, "0", "0", "1", "0"], *ROWS[1:]))
    assert lab is not None and lab.ratings_by_student == RATINGS | {"s1": {CORRECT: "A"}}
    assert "no-rating" in codes


@pytest.mark.parametrize("cell", ["#N/A", "?", "n/a", "–", "absent"])
def test_unclear_cell_next_to_a_mark_changes_no_rating(cell: str, read: Read) -> None:
    lab, _ = read(table(["s1@cs", "1", cell, "0", "1", "0"], *ROWS[1:]))
    assert lab is not None and lab.ratings_by_student == RATINGS


@pytest.mark.parametrize("cell", ["Late binding is missing", "Copied the input by value", "Missing: include guards"])
def test_comment_that_starts_like_a_note_is_a_rating(cell: str, read: Read) -> None:
    lab, _ = read(table(["s1@cs", cell, "0", "0", "1", "0"], *ROWS[1:]))
    assert lab is not None and lab.ratings_by_student == RATINGS


def test_rating_that_rests_on_a_word_is_reported(read: Read) -> None:
    lab, codes = read(table(["s1@cs", "Good", "0", "0", "Prints the right squares", "0"], *ROWS[1:]))
    assert lab is not None and lab.ratings_by_student == RATINGS and codes == ["word-for-rating"]


def test_x_is_unclear_in_a_table_with_ticks(read: Read) -> None:
    lab, codes = read(table(["s1@cs", "✓", "x", "x", "✓", "x"], ["s2@cs", "", "x", "", "", "✓"], ROWS[2]))
    assert lab is not None and lab.ratings_by_student == RATINGS | {"s2": {CORRECT: "B"}}
    assert codes == ["bad-cell", "no-rating"]


def test_student_whose_id_is_a_summary_word_is_not_lost(read: Read, tmp_path: Path) -> None:
    (tmp_path / "lab" / "submissions" / "max@cs").mkdir(parents=True)
    (tmp_path / "lab" / "submissions" / "max@cs" / "main.c").write_text("int x;")
    lab, codes = read(table(*ROWS, ["max@cs", "1", "0", "0", "1", "0"]))
    assert lab is not None and codes == [] and lab.ratings_by_student["max"] == RATINGS["s1"]


def test_missing_criterion_cell_is_no_merged_cell(read: Read) -> None:
    header = [["Criterion", COMPILES, COMPILES, COMPILES, "", CORRECT], *HEADER[1:]]
    lab, codes = read(table(header=header))
    assert lab is None and "empty-title" in codes


def test_ids_that_a_spreadsheet_changed_get_a_suggestion(tmp_path: Path, make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=2)
    ids = ("001234", "123456789012")
    named = tuple(
        s.model_copy(update={"student": i, "folder": f"{i}@cs"}) for s, i in zip(lab.submissions, ids, strict=True)
    )
    write_lab(lab.model_copy(update={"submissions": named, "human_grades": ()}), tmp_path / "lab")
    header = "".join(f"{name},{COMPILES},{COMPILES}\n" for name in "ab") + "c,A,B\nd,,\ne,,\nf,,\n"
    (tmp_path / "lab" / "rubric_ratings.csv").write_text(header + "1234,1,0\n1.23457E+11,0,1\n")
    hints = [i.hint for i in read_lab(tmp_path / "lab").issues if i.code == "student-without-submission"]
    assert "'001234'" in hints[0] and "'123456789012'" in hints[1]
