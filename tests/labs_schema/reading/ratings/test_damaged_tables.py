"""Ways to damage a lab's tables of ratings. Each ends in its named issue, and none in a traceback."""

from pathlib import Path

import pytest

from labs_schema.errors import Severity
from labs_schema.reading.validate import read_lab
from tests.harness.courses.lab_folders import write_lab
from tests.labs_schema.reading.damages import (
    COMPILES,
    ERROR,
    READABLE,
    TABLE,
    WARNING,
    Damage,
    as_folder,
    both,
    column,
    content,
    line,
    linked,
    rater,
    replace,
    tas,
)
from tests.labs_schema.tables.spreadsheet_files import xlsx


def points_for_ratings(lab: Path) -> None:
    header = (lab / TABLE).read_text().splitlines(keepends=True)[:6]
    rows = ("2,,,1,\n", ",1,,,0\n", ",,0,1,\n")
    (lab / TABLE).write_text("".join([*header, *(f"s00{number},{row}" for number, row in enumerate(rows))]))


def names_and_grades(lab: Path) -> None:
    rows = (f"s{number:03d},Ann,Roe,{number}\n" for number in range(6))
    (lab / TABLE).write_text("SID,First Name,Last Name,Score\n" + "".join(rows))


DIFFERS = ("rater-differs", WARNING)

DAMAGES: list[tuple[str, Damage, str, Severity]] = [
    ("an empty table", content(TABLE, ""), "empty-table", ERROR),
    ("a table of three rows", content(TABLE, "Criterion,a\nDescription,\nRating,A\n"), "wrong-header", ERROR),
    ("a table without its description row", line(2, None), "wrong-header", ERROR),
    ("a table without its marks row", line(5, None), "wrong-header", ERROR),
    ("a table without its free row", line(6, None), "wrong-header", ERROR),
    ("a row with a cell too few", line(8, "s001@course,1,0,0,1"), "wrong-cell-count", ERROR),
    ("a row with a cell too many", line(8, "s001@course,1,0,0,1,0,0"), "wrong-cell-count", ERROR),
    ("a quote that is not closed", line(8, 's001@course,"1,0,0,1,0'), "bad-csv", ERROR),
    ("text behind a quote", line(8, 's001@course,"1"x,0,0,1,0'), "bad-csv", ERROR),
    ("a line of 10 MB", line(8, "s001@course," + "x" * 10_000_000), "long-line", ERROR),
    ("a cell of 200 kB", line(8, f"s001@course,{'x' * 200_000},0,0,1,0"), "bad-csv", ERROR),
    ("a table with NULs", replace(TABLE, "s001", "s\0001"), "binary-file", ERROR),
    ("a table that is a zip", content(TABLE, b"PK\x03\x04rest"), "bad-spreadsheet", ERROR),
    (
        "a roster with two sheets",
        content("roster.xlsx", xlsx([["student", "name"], ["s1", "Ann B"]], [["x"]])),
        "other-sheets",
        WARNING,
    ),
    ("a table in two formats", content("rubric_ratings.tsv", "x"), "two-tables", ERROR),
    ("a table that is a link", linked(TABLE), "symlink", ERROR),
    ("a table that is a folder", as_folder(TABLE), "unreadable", ERROR),
    ("an empty criterion cell", replace(TABLE, f"Criterion,{COMPILES}", "Criterion,"), "empty-title", ERROR),
    ("an empty rating cell", replace(TABLE, "Rating,A", "Rating,"), "empty-title", ERROR),
    ("a rating in two columns", replace(TABLE, "Rating,A,B,C", "Rating,A,B,B"), "duplicate-rating", ERROR),
    ("marks in percent", replace(TABLE, "Marks,2", "Marks,50%"), "bad-marks", ERROR),
    ("marks that are NaN", replace(TABLE, "Marks,2", "Marks,nan"), "bad-marks", ERROR),
    ("a student twice", line(8, "s000,1,0,0,1,0"), "duplicate-student", ERROR),
    ("an id of two students", line(8, "s000@other,1,0,0,1,0\ns000,1,0,0,1,0"), "ambiguous-student", ERROR),
    ("a row without a student", line(8, ",1,0,0,1,0"), "empty-student", ERROR),
    ("a row of @course", line(8, "@course,1,0,0,1,0"), "empty-student", ERROR),
    ("a 2 for a 1", line(8, "s001@course,2,0,0,1,0"), "bad-cell", WARNING),
    ("a formula error for a 1", line(8, "s001@course,#N/A,0,0,1,0"), "bad-cell", WARNING),
    ("NA for a 0", line(8, "s001@course,1,NA,0,1,0"), "bad-cell", WARNING),
    ("a rating's title for a 1", line(8, "s001@course,B,0,0,1,0"), "bad-cell", WARNING),
    ("a note for a 1", line(8, "s001@course,plagiarism,0,0,1,0"), "bad-cell", WARNING),
    ("a word for a 1", line(8, "s001@course,Good,0,0,1,0"), "word-for-rating", WARNING),
    ("points for a 1", points_for_ratings, "points-for-ratings", WARNING),
    ("a row of averages", line(8, "Average,0.5,0.3,0.2,1,0"), "summary-row", WARNING),
    ("an average without a name", line(8, ",0.5,0.3,0.2,1,0"), "summary-row", WARNING),
    ("a column of totals", column("Total", "", "", "", "", "", *"345678"), "extra-column", WARNING),
    ("a list of students", names_and_grades, "wrong-header", ERROR),
    ("two ratings marked", line(8, "s001@course,1,1,0,1,0"), "several-ratings", WARNING),
    ("two ratings commented", line(8, "s001@course,Good,No Comments,0,1,0"), "several-ratings", WARNING),
    ("no rating marked", line(8, "s001@course,0,0,0,1,0"), "no-rating", WARNING),
    ("a comment on another rating", line(8, "s001@course,1,Warnings,0,1,0"), "comment-elsewhere", WARNING),
    ("a row without a submission", line(8, "s999@course,1,0,0,1,0"), "student-without-submission", WARNING),
    ("a submission without a row", line(8, None), "submission-without-ratings", WARNING),
    (
        "comments of an unknown student",
        content("rubric_comments.csv", f"a,{COMPILES}\nb,\nc,A\nd,\ne,\nf,\ns9@x,Well done\n"),
        "comment-without-rating",
        WARNING,
    ),
    (
        "comments of an unknown criterion",
        content("rubric_comments.csv", "a,Is it fast?\nb,\nc,A\nd,\ne,\nf,\n"),
        "comment-without-rating",
        WARNING,
    ),
    ("two TA columns", tas("TA", "ta"), "duplicate-ta", ERROR),
    ("a TA with an escape code", tas("TA", value="a\x1b[2J"), "bad-ta", ERROR),
    ("a TA of 501 characters", tas("TA", value="x" * 501), "bad-ta", ERROR),
    ("a TA in two spellings", both(tas("TA", value="Ann"), rater("ann")), "ta-spelling", WARNING),
    ("a TA's file without its header", content("rubric_ratings.ann.csv", "hello"), "wrong-header", ERROR),
    ("a TA's file that is a link", both(rater("ann"), linked("rubric_ratings.ann.csv")), "symlink", ERROR),
    ("a TA's file with another criterion", rater("ann", READABLE, "Is it fast?"), "rater-column", ERROR),
    ("a TA's file with another rating", rater("ann", "Rating,A,B,C", "Rating,A,B,D"), "rater-column", ERROR),
    ("a TA's file with other marks", rater("ann", "Marks,2", "Marks,3"), "marks-differ", ERROR),
    ("a TA's file with an unknown student", rater("ann", "s001@", "s999@"), "student-without-submission", WARNING),
    ("a TA's file with a 2 for a 1", rater("ann", "s001@course,0,1", "s001@course,0,2"), "bad-cell", WARNING),
    ("a TA's file without a name", rater(""), "stray-file", WARNING),
    ("a TA's row and file that differ", both(tas("TA", value="ann"), rater("ann", ",0,1,0,", ",1,0,0,")), *DIFFERS),
    ("a TA's file with another TA in it", both(tas("TA", value="bo"), rater("ann")), "ta-elsewhere", WARNING),
    ("a comments file that is none", content("rubric_comments.csv", "hello"), "wrong-header", ERROR),
]


@pytest.mark.parametrize(("damage", "code", "severity"), [d[1:] for d in DAMAGES], ids=[d[0] for d in DAMAGES])
def test_damaged_table_reports_its_code(damage, code, severity, issues_after) -> None:
    assert (code, severity) in issues_after(damage)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_spreadsheet_export_reads_the_same(encoding, tmp_path, make_lab) -> None:
    write_lab(make_lab(), tmp_path / "lab1")
    text = (tmp_path / "lab1" / TABLE).read_text()
    (tmp_path / "lab1" / TABLE).write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert read_lab(tmp_path / "lab1").lab == make_lab()
