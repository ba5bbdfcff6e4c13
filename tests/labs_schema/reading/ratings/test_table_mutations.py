"""Random mutations of ratings tables: no traceback, no student lost, no rating that no TA gave."""

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from labs_schema.models import Criterion, Lab, Rating, SourceFile, Submission
from labs_schema.reading.validate import Validated, read_lab
from tests.harness.courses.lab_folders import write_lab
from tests.labs_schema.reading.ratings.test_spreadsheet_tables import NEVER
from tests.labs_schema.tables.spreadsheet_files import ods, xlsx

CRITERIA = (
    Criterion(
        title="Does the student's code compile?",
        description="With gcc, without -w",
        ratings=(Rating(title="A", marks=2), Rating(title="B", marks=1.5), Rating(title="C", marks=0)),
    ),
    Criterion(title="Übersicht", ratings=(Rating(title="Good; clear", marks=1), Rating(title="Poor", marks=-1))),
)
STUDENTS = ("s1", "s2", "max", "0042")
NOTATIONS = (
    ("1", "0"),
    ("1", ""),
    ("TRUE", "FALSE"),
    ("x", ""),
    ("✓", "✗"),
    ("1.00", "0.00"),
    ("1,0", "0,0"),
    ("ja", "-"),
)
SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    lambda title: unicodedata.normalize("NFD", title),
    lambda title: title.replace("'", "\u2019").replace(" ", "\u00a0"),
)
JUNK = [cell for cell in NEVER if cell not in ("2", "-1")]  # numbers that are marks of CRITERIA may be points
Truth = dict[str, dict[str, str | None]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labs") / "lab"
    work = tuple(
        Submission(student=s, folder=f"{s}@cs", files=(SourceFile(path="main.c", text=f"int x = {n};"),))
        for n, s in enumerate(sorted(STUDENTS))
    )
    lab = Lab(name="lab", problem="p", short_problem="p", language="C", criteria=CRITERIA, submissions=work)
    write_lab(lab, path)
    return path


class Mutated(NamedTuple):
    """A table's file and the ratings that its TAs gave."""

    name: str
    data: bytes
    truth: Truth


@st.composite
def tables(draw: st.DrawFn) -> Mutated:
    given_mark, other = draw(st.sampled_from(NOTATIONS))
    respell = draw(st.sampled_from(SPELLINGS))
    columns = draw(st.permutations([(c, r) for c in CRITERIA for r in c.ratings]))
    truth: Truth = {}
    rows = []
    for student in draw(st.permutations(STUDENTS)):
        truth[student] = {c.title: draw(st.none() | st.sampled_from([r.title for r in c.ratings])) for c in CRITERIA}
        row = [given_mark if truth[student][c.title] == r.title else other for c, r in columns]
        junk = draw(st.lists(st.sampled_from(JUNK) | st.none(), min_size=len(row), max_size=len(row)))
        row = [
            cell if cell == given_mark or not other_cell else other_cell
            for cell, other_cell in zip(row, junk, strict=True)
        ]
        rows.append([f"{student}@cs", *row])
    marks = [f"{r.marks:g}" for _, r in columns]
    header = [
        ["Criterion", *(respell(c.title) for c, _ in columns)],
        ["Description", *(c.description for c, _ in columns)],
        ["Rating", *(r.title for _, r in columns)],
        ["Rating description", *("" for _ in columns)],
        ["Marks", *(mark.replace(".", draw(st.sampled_from(",."))) for mark in marks)],
        ["Student", *("" for _ in columns)],
    ]
    width = len(columns) + 1
    for summary in draw(st.lists(st.sampled_from([[""], ["Average", "0.5"], ["Total: 4"], ["", "0.25"]]), max_size=3)):
        rows.insert(draw(st.integers(0, len(rows))), [*summary, *[""] * (width - len(summary))])
    table = header + rows
    for label in draw(
        st.lists(st.sampled_from(["Total", "Name", "Comments", "", "Section 2"]), max_size=2, unique=True)
    ):
        place = draw(st.integers(1, width))
        cells = [label, *[""] * 5, *(draw(st.sampled_from(["", "4", "Ann Roe", "n/a", "2026-02-01"])) for _ in rows)]
        table = [[*row[:place], cell, *row[place:]] for row, cell in zip(table, cells, strict=True)]
    return Mutated(*_written(draw, table), truth)


def _written(draw: st.DrawFn, table: list[list[str]]) -> tuple[str, bytes]:
    kind = draw(st.sampled_from(["csv", "csv", "csv", "csv", "xlsx", "ods"]))
    if kind != "csv":
        return f"rubric_ratings.{kind}", xlsx(table) if kind == "xlsx" else ods(table)
    delimiter = draw(st.sampled_from([",", ";", "\t", "|"]))
    declared = draw(st.sampled_from(["", f"sep={delimiter}\n"]))
    text = declared + "".join(delimiter.join(map(_quoted, row)) + "\n" for row in table)
    ends = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    return "rubric_ratings.csv", text.replace("\n", ends).encode(encoding)


def _quoted(cell: str) -> str:
    return f'"{cell}"' if {*";,\t|"} & {*cell} else cell


def read_with(folder: Path, name: str, data: bytes) -> Validated:
    for old in folder.glob("rubric_ratings.*"):
        old.unlink()
    (folder / name).write_bytes(data)
    return read_lab(folder)


def everyone(lab: Lab) -> set[str]:
    return {each.student for each in (*lab.submissions, *lab.unreadable)}


@pytest.mark.slow  # about 5 s without other load
@settings(
    max_examples=300,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tables())
def test_mutated_table_gives_the_ratings_of_its_tas_and_no_other(folder: Path, mutated: Mutated) -> None:
    lab = read_with(folder, mutated.name, mutated.data).lab
    assert lab is not None
    assert everyone(lab) == set(STUDENTS)
    ratings = {student: {c: r for c, r in row.items() if r} for student, row in mutated.truth.items()}
    assert lab.ratings_by_student == {student: row for student, row in ratings.items() if row}
    assert lab.criteria == CRITERIA


@pytest.mark.slow  # about 5 s without other load
@settings(
    max_examples=100,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tables(), st.data())
def test_damaged_bytes_give_issues_and_lose_no_student(folder: Path, mutated: Mutated, data: st.DataObject) -> None:
    damaged = bytearray(mutated.data)
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(damaged) - 1))
        damaged[start : start + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=5))
    validated = read_with(folder, mutated.name, bytes(damaged))
    assert validated.lab is None or everyone(validated.lab) >= set(STUDENTS)
    assert validated.lab is not None or validated.issues
