"""Ways to damage a lab's own files. Each ends in its named issue, and none in a traceback."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from labs_schema.errors import Severity
from labs_schema.reading.validate import read_lab
from labs_schema.writing.lab_writer import write_lab
from tests.labs_schema.tables.spreadsheet_files import xlsx

Damage = Callable[[Path], object]
ERROR, WARNING = Severity.ERROR, Severity.WARNING
TABLE, RUBRIC = "rubric_ratings.csv", "rubrics.json"
COMPILES, READABLE = "Does it compile?", "Is it readable?"


def replace(name: str, old: str, new: str, count: int = -1) -> Damage:
    def damage(lab: Path) -> None:
        text = (lab / name).read_text()
        assert old in text
        (lab / name).write_text(text.replace(old, new, count))

    return damage


def content(name: str, data: bytes | str) -> Damage:
    return lambda lab: (lab / name).write_bytes(data.encode() if isinstance(data, str) else data)


def recoded(name: str, encoding: str) -> Damage:
    return lambda lab: (lab / name).write_bytes((lab / name).read_text().encode(encoding))


def rubric(change: Callable[[list[dict[str, object]]], object]) -> Damage:
    def damage(lab: Path) -> None:
        found = json.loads((lab / RUBRIC).read_text())
        change(found)
        (lab / RUBRIC).write_text(json.dumps(found))

    return damage


def line(number: int, new: str | None) -> Damage:
    """Puts `new` in the place of a line of the table, or deletes the line."""

    def damage(lab: Path) -> None:
        lines = (lab / TABLE).read_text().split("\n")
        lines[number - 1 : number] = [] if new is None else [new]
        (lab / TABLE).write_text("\n".join(lines))

    return damage


def both(*damages: Damage) -> Damage:
    return lambda lab: [damage(lab) for damage in damages]


def removed(*names: str) -> Damage:
    return lambda lab: [(lab / name).unlink() for name in names]


def linked(name: str) -> Damage:
    def damage(lab: Path) -> None:
        (lab / name).rename(lab.parent / name)
        (lab / name).symlink_to(lab.parent / name)

    return damage


def as_folder(name: str) -> Damage:
    def damage(lab: Path) -> None:
        (lab / name).unlink()
        (lab / name).mkdir()

    return damage


def column(*cells: str) -> Damage:
    """A further last column of the table."""

    def damage(lab: Path) -> None:
        lines = (lab / TABLE).read_text().splitlines()
        (lab / TABLE).write_text("".join(f"{row},{cell}\n" for row, cell in zip(lines, cells, strict=True)))

    return damage


def criterion_again(title: str) -> Damage:
    """Appends the columns of the table's last criterion once more, under another title."""

    def damage(lab: Path) -> None:
        rows = [row.split(",") for row in (lab / TABLE).read_text().splitlines()]
        rows = [row + ([title] * 2 if number == 0 else row[-2:]) for number, row in enumerate(rows)]
        (lab / TABLE).write_text("".join(",".join(row) + "\n" for row in rows))

    return damage


def points_for_ratings(lab: Path) -> None:
    header = (lab / TABLE).read_text().splitlines(keepends=True)[:6]
    rows = ("2,,,1,\n", ",1,,,0\n", ",,0,1,\n")
    (lab / TABLE).write_text("".join([*header, *(f"s00{number},{row}" for number, row in enumerate(rows))]))


def names_and_grades(lab: Path) -> None:
    rows = (f"s{number:03d},Ann,Roe,{number}\n" for number in range(6))
    (lab / TABLE).write_text("SID,First Name,Last Name,Score\n" + "".join(rows))


def tas(*heads: str, value: str = "ann") -> Damage:
    """Adds a column to the table for each head, with `value` for every student."""

    def damage(lab: Path) -> None:
        lines = (lab / TABLE).read_text().splitlines()
        for row, text in enumerate(lines):
            cells = [head if row == 0 else "" if row < 6 else value for head in heads]
            lines[row] = ",".join([text, *cells])
        (lab / TABLE).write_text("\n".join(lines) + "\n")

    return damage


def rater(name: str, old: str = "", new: str = "") -> Damage:
    """Copies the table as the file of a TA, with `new` in the place of `old`."""

    def damage(lab: Path) -> None:
        text = (lab / TABLE).read_text()
        assert old in text
        (lab / f"rubric_ratings.{name}.csv").write_text(text.replace(old, new) if old else text)

    return damage


DIFFERS = ("rater-differs", WARNING)

DAMAGES: list[tuple[str, Damage, str, Severity]] = [
    ("no problem statement", removed("ps.txt", "modified_ps.txt"), "no-statement", ERROR),
    ("no short statement", removed("modified_ps.txt"), "one-statement", WARNING),
    ("a blank verbose statement", content("ps.txt", " \n"), "one-statement", WARNING),
    ("two verbose statements", content("problemStatement.txt", "Another."), "two-statements", WARNING),
    ("a statement with NULs", content("ps.txt", b"a\0b"), "binary-file", ERROR),
    ("a statement in Latin-1", content("ps.txt", b"na\xefve"), "not-utf-8", WARNING),
    ("a statement that is a link", linked("ps.txt"), "symlink", ERROR),
    ("a statement that is a folder", as_folder("ps.txt"), "unreadable", ERROR),
    ("a statement of 2 MB", content("ps.txt", b"x" * 2_000_000), "file-too-big", ERROR),
    ("no rubric at all", removed(RUBRIC, TABLE), "no-rubric", ERROR),
    ("no rubrics.json", removed(RUBRIC), "no-rubric", WARNING),
    ("no ratings", removed(TABLE), "no-ratings", WARNING),
    ("a stray file", content("rubric.json", "[]"), "stray-file", WARNING),
    ("a junk file in the lab's folder", content(".DS_Store", b"\0"), "litter", WARNING),
    ("a rubric that is a link", linked(RUBRIC), "symlink", ERROR),
    ("an empty rubric", content(RUBRIC, ""), "bad-json", ERROR),
    ("a rubric cut short", content(RUBRIC, '[{"title": "a"'), "bad-json", ERROR),
    ("a rubric of a list of nothing", content(RUBRIC, "[]"), "wrong-type", ERROR),
    ("a rubric that is an object", content(RUBRIC, "{}"), "wrong-type", ERROR),
    ("a rubric that is a number", content(RUBRIC, "7"), "wrong-type", ERROR),
    ("a rubric nested deeply", content(RUBRIC, "[" * 100_000), "bad-json", ERROR),
    ("a rubric with a number of 10,000 digits", content(RUBRIC, "[" + "9" * 10_000 + "]"), "bad-json", ERROR),
    ("a rubric of 6 MB", content(RUBRIC, "[" + " " * 6_000_000 + "]"), "file-too-big", ERROR),
    ("a rubric with NULs", content(RUBRIC, b"[\0]"), "binary-file", ERROR),
    ("a rubric in UTF-16", recoded(RUBRIC, "utf-16"), "not-utf-8", WARNING),
    ("NaN as marks", replace(RUBRIC, '"marks": 2.0', '"marks": NaN'), "bad-json", ERROR),
    ("infinite marks", replace(RUBRIC, '"marks": 2.0', '"marks": 1e999'), "bad-marks", ERROR),
    ("marks as words", replace(RUBRIC, '"marks": 2.0', '"marks": "two"'), "bad-marks", ERROR),
    ("marks of a thousand or one", replace(RUBRIC, '"marks": 2.0', '"marks": "1,000"'), "bad-marks", ERROR),
    ("true as marks", replace(RUBRIC, '"marks": 2.0', '"marks": true'), "bad-marks", ERROR),
    ("marks that differ", replace(RUBRIC, '"marks": 2.0', '"marks": 3'), "marks-differ", ERROR),
    ("a key twice", replace(RUBRIC, '"title": "A"', '"title": "A", "title": "Z"', 1), "bad-json", ERROR),
    ("an unknown key", replace(RUBRIC, '"marks"', '"weight"', 1), "unknown-key", WARNING),
    ("half a surrogate pair", replace(RUBRIC, "Names and layout.", "\\ud800"), "bad-json", ERROR),
    ("a NUL by escape", replace(RUBRIC, "Names and layout.", "\\u0000"), "bad-json", ERROR),
    ("a criterion that is text", rubric(lambda r: r.append("x")), "wrong-type", ERROR),  # type: ignore[arg-type]
    ("a title that is a list", rubric(lambda r: r[0].update(title=[1])), "wrong-type", ERROR),
    ("a description that is a number", rubric(lambda r: r[0].update(description=3)), "wrong-type", ERROR),
    ("ratings that are null", rubric(lambda r: r[0].update(Ratings=None)), "wrong-type", ERROR),
    ("ratings of text", rubric(lambda r: r[0].update(Ratings=["A", "B"])), "wrong-type", ERROR),
    ("an empty title", rubric(lambda r: r[0].update(title=" ")), "empty-title", ERROR),
    ("an escape code in a title", rubric(lambda r: r[0].update(title="\x1b[2J")), "bad-title", ERROR),
    ("a title of 501 characters", rubric(lambda r: r[0].update(title="x" * 501)), "bad-title", ERROR),
    ("no rule of decided_by", rubric(lambda r: r[0].update(decided_by=[])), "bad-decided-by", ERROR),
    ("a criterion twice", rubric(lambda r: r.append(r[0])), "duplicate-criterion", ERROR),
    ("a rating twice", replace(RUBRIC, '"title": "B"', '"title": "A"', 1), "duplicate-rating", ERROR),
    (
        "one rating only",
        rubric(lambda r: r.append({"title": "new", "Ratings": [{"title": "A"}]})),
        "single-rating",
        WARNING,
    ),
    ("no rating", rubric(lambda r: r.append({"title": "new", "Ratings": []})), "rating-count", ERROR),
    (
        "a range of points",
        replace(RUBRIC, '"title": "Is it r', '"criterion_use_range": true, "title": "Is it r'),
        "point-range",
        WARNING,
    ),
    ("bonus as text", replace(RUBRIC, '"title": "Is it r', '"bonus": "yes", "title": "Is it r'), "wrong-type", ERROR),
    ("two values of marks", replace(RUBRIC, '"marks": 2.0', '"marks": 2.0, "points": 3'), "bad-json", ERROR),
    (
        "27 ratings",
        rubric(lambda r: r.append({"title": "new", "Ratings": [{"title": str(i)} for i in range(27)]})),
        "rating-count",
        ERROR,
    ),
    (
        "a criterion without columns",
        rubric(lambda r: r.append({"title": "new", "Ratings": [{"title": "A"}, {"title": "B"}]})),
        "criterion-without-column",
        WARNING,
    ),
    ("a criterion in the table only", rubric(lambda r: r.pop()), "criterion-not-in-rubric", WARNING),
    ("a criterion under similar titles", replace(TABLE, READABLE, "Is it readable here?"), "criterion-twice", ERROR),
    ("a criterion with a number in the table", replace(TABLE, READABLE, f"2. {READABLE}"), "criterion-twice", ERROR),
    ("a criterion with points", replace(TABLE, READABLE, f"{READABLE} (2 pts)"), "criterion-twice", ERROR),
    ("a rating that was renamed", replace(TABLE, "Rating,A,B,C", "Rating,A,B,D"), "rating-twice", ERROR),
    ("a rating that became a date", replace(TABLE, "Rating,A,B,C", "Rating,A,B,1-Feb"), "date-title", ERROR),
    (
        "one title for two criteria",
        both(replace(RUBRIC, READABLE, COMPILES), replace(TABLE, READABLE, COMPILES)),
        "repeated-criterion",
        WARNING,
    ),
    ("a misspelt criterion", replace(TABLE, READABLE, "Is it legible?"), "criterion-twice", ERROR),
    ("a criterion in another language", replace(TABLE, READABLE, "Lesbarkeit"), "criterion-twice", ERROR),
    ("a criterion misspelt in one column", replace(TABLE, READABLE, "Is it legible?", 1), "criterion-twice", ERROR),
    ("a criterion twice in the table", criterion_again(f"{READABLE} (2 pts)"), "criterion-twice", ERROR),
    ("a second criterion in the table", criterion_again("Speed"), "criterion-not-in-rubric", WARNING),
    (
        "a rating that was renamed, without marks",
        both(replace(TABLE, "Rating,A,B,C", "Rating,A,B,D"), replace(TABLE, "Marks,2,1,0,1,0", "Marks,,,,,")),
        "rating-twice",
        ERROR,
    ),
    ("a rating in the table only", rubric(lambda r: r[0]["Ratings"].pop()), "rating-not-in-rubric", WARNING),
    (
        "a rating without a column",
        rubric(lambda r: r[0]["Ratings"].append({"title": "D", "marks": 0})),
        "rating-without-column",
        WARNING,
    ),
    ("other words in the table", replace(TABLE, "With gcc -Wall.", "With clang."), "descriptions-differ", WARNING),
    (
        "marks of one rating missing",
        both(replace(RUBRIC, "2.0", "null"), replace(TABLE, "Marks,2", "Marks,")),
        "marks-missing",
        WARNING,
    ),
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
    ("a roster of sections", content("roster.csv", "section,mark\n1,2\n"), "roster-columns", ERROR),
    (
        "a roster with sections",
        content("roster.csv", "student,name,section\ns1,Ann B,4\n"),
        "roster-columns-unread",
        WARNING,
    ),
    ("a roster row without id and name", content("roster.csv", "id,name,mark\ns1,Ann,1\n,,2\n"), "roster-row", ERROR),
    ("a roster's long row", content("roster.csv", "id,name\ns1,Rossi, Mario\n"), "roster-row", ERROR),
    ("a roster with headings only", content("roster.csv", "student,name\n"), "empty-roster", ERROR),
    ("a roster with an id twice", content("roster.csv", "id,name\ns1,Ann B\ns1,Bo C\n"), "roster-twice", WARNING),
    (
        "a roster student without work",
        content("roster.csv", "id,name\ns9,Ann Lee\n"),
        "roster-without-submission",
        WARNING,
    ),
    ("groups without headings", content("groups.csv", "s000,s001\n"), "groups-columns", ERROR),
    ("a group without a member", content("groups.csv", "group,student\ns000,\n"), "groups-row", ERROR),
    (
        "a student in two groups",
        content("groups.csv", "group,student\ns000,s000\ns000,s001\n"),
        "two-groups",
        ERROR,
    ),
    ("a group without work", content("groups.csv", "team,student\nt,s8\nt,s9\n"), "group-without-submission", WARNING),
    (
        "two ratings of a group",
        lambda lab: (
            shutil.rmtree(lab / "submissions/s001@course"),
            content("groups.csv", "group,student\ns000,s000\ns000,s001\n")(lab),
        ),
        "group-ratings-differ",
        WARNING,
    ),
    (
        "a folder of two students",
        lambda lab: (
            shutil.rmtree(lab / "submissions/s001@course"),
            (lab / "submissions/s000@course").rename(lab / "submissions/s000_s001@course"),
        ),
        "maybe-group",
        WARNING,
    ),
    ("a roster of ids", content("roster.csv", "student\ns1\n"), "roster-without-names", WARNING),
    ("a course's roster that is damaged", content("../roster.csv", '"student'), "bad-csv", ERROR),
    (
        "a course's roster that is a link",
        both(content("../roster.csv", "id\n"), linked("../roster.csv")),
        "symlink",
        ERROR,
    ),
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
