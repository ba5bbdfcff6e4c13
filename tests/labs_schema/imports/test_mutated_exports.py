"""Random damage to exports: no traceback, no student lost, no invented rating."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from labs_schema.errors import InputError
from labs_schema.imports.importer import ImportSource, import_lab
from tests.labs_schema.imports.conftest import write_folder, write_zip

STUDENTS = ("s1", "s2", "s3")
END = "2026-01-0{}-10-00-00"


def work(student: str) -> str:
    return f"int main(void) {{ return 0; }} /* work of {student} */"


def submissions(platform: str) -> dict[str, str]:
    """Paths with the work of each student, without metadata."""
    names = {
        "gradescope": "submission_{n}/src/main.c",
        "canvas": "roe_zoe_300{n}_9000{n}_main-1.c",
        "moodle": "Zoe Roe_500{n}_assignsubmission_file_/main.c",
        "blackboard": "Lab 1_{s}_attempt_2026-01-01-10-00-00_main.c",
        "github-classroom": "lab1-{s}/main.c",
        "nbgrader": "submitted/{s}/ps1/main.py",
        "submitty": "{s}/1/main.c",
        "autolab": "{s}@cs.example_1_main.c",
        "folder": "{s}@cs/main.c",
    }
    return {names[platform].format(n=n, s=s): work(s) for n, s in enumerate(STUDENTS, start=1)}


def metadata(platform: str) -> dict[str, str]:
    if platform == "gradescope":
        owners = (
            f"submission_{n}:\n  :submitters:\n  - :sid: {s}\n    :email: {s}@x\n" for n, s in enumerate(STUDENTS, 1)
        )
        return {"submission_metadata.yml": "---\n" + "".join(owners)}
    if platform == "submitty":
        return {f"{s}/user_assignment_settings.json": '{"active_version": 1}' for s in STUDENTS}
    if platform == "blackboard":
        return {f"Lab 1_{s}_attempt_2026-01-01-10-00-00.txt": f"Name: X ({s})" for s in STUDENTS}
    if platform == "github-classroom":
        rows = "".join(f"{s},{s},lab1-{s}\n" for s in STUDENTS)
        return {"grades.csv": f"github_username,roster_identifier,student_repository_name\n{rows}"}
    return {}


ROSTER = "SID,Email,username,Identifier,Name\n" + "".join(
    f"{s},{s}@cs.example,{s},Participant 500{n},X\n" for n, s in enumerate(STUDENTS, start=1)
)
GRADES_HEADER = (
    "Assignment Submission ID,Question Submission ID,SID,Email,Score,Submission Time,A,B,"
    "Adjustment,Comments,Grader,Tags"
)
GRADES = [
    ["1", "11", "s1", "s1@x", "2", "t", "true", "false", "", "ok", "Ann", ""],
    ["2", "12", "s2", "s2@x", "1", "t", "false", "true", "", "", "Ann", ""],
    ["3", "13", "s3", "s3@x", "", "t", "false", "false", "", "", "", ""],
    ["Point Values", "", "", "", "", "", "2", "1", "", "", "", ""],
]
NASTY = st.sampled_from([
    "", "\0", "\ufeff", "=1+1", "../../x", "a/b", "\r\n", '"', "'", ":", "- ", "*a", "&a [*a, *a]",
    "!!python/object:os.system",
    "\u202e", "e\u0301", "true", "TRUE", "1e999", "nan", "s1", "s2", "{", "[" * 200, "  ", "\t",
    "\ufffd", "99999999999999999999",
])  # fmt: skip
HOSTILE = st.sampled_from([
    "../outside.c", "/etc/passwd", "C:\\x.c", "a/../../b.c", "x" * 300 + ".c", "\u202ename.c", "dir/" * 40 + "a.c",
    "con.c", " ", "a\nb.c", ".hidden", "__MACOSX/._main.c", "submissions/rubrics.json",
])  # fmt: skip


def damaged(text: str, edits: list[tuple[float, str, int]]) -> str:
    for place, new, removed in edits:
        at = int(place * len(text))
        text = text[:at] + new + text[at + removed :]
    return text


EDITS = st.lists(st.tuples(st.floats(0, 1), NASTY, st.integers(0, 30)), max_size=4)


@pytest.mark.slow
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(
    platform=st.sampled_from(
        [
            "gradescope",
            "canvas",
            "moodle",
            "blackboard",
            "github-classroom",
            "submitty",
            "autolab",
            "nbgrader",
            "folder",
        ]
    ),
    edits=EDITS,
    roster_edits=EDITS,
    with_roster=st.booleans(),
    lost=st.sets(st.sampled_from(STUDENTS), max_size=2),
    hostile=st.lists(HOSTILE, max_size=3),
    cells=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 11), NASTY), max_size=4),
)
@example("gradescope", [(0.625, "", 9)], [], False, {"s2"}, [], [])  # one record has the submitters of two
@example("github-classroom", [(0.75, "", 6), (0.75, "", 8)], [], False, set(), [], [])  # s1 has s2's repository
@example("gradescope", [], [(0.5, "", 13), (0.5, "", 30), (0.5, "", 20)], True, set(), [], [])  # s1 and s3 in one row
@example("gradescope", [(0.3125, "", 21)], [], True, {"s2"}, [], [])  # s2 is in the group of s1
def test_damaged_exports(
    platform: str,
    edits: list[tuple[float, str, int]],
    roster_edits: list[tuple[float, str, int]],
    with_roster: bool,
    lost: set[str],
    hostile: list[str],
    cells: list[tuple[int, int, str]],
) -> None:
    works = {path: text for path, text in submissions(platform).items() if not any(work(s) == text for s in lost)}
    files = works | {path: damaged(text, edits) for path, text in metadata(platform).items()}
    files |= dict.fromkeys(hostile, "int x;")
    grades = [list(row) for row in GRADES]
    for row, column, value in cells:
        grades[row][column] = value
    table = io.StringIO(newline="")
    csv.writer(table).writerows([GRADES_HEADER.split(","), *grades])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export = write_zip(files, folder / "export.zip")
        tables = write_folder({"Q.csv": table.getvalue()}, folder / "tables") if platform == "gradescope" else None
        roster = write_folder({"r.csv": damaged(ROSTER, roster_edits)}, folder / "roster") / "r.csv"
        out = folder / "labs" / "lab"
        source = ImportSource(platform, export, roster if with_roster else None, (tables,) if tables else ())
        try:
            report, _ = import_lab(source, out)
        except InputError as error:
            assert all(issue.code for issue in error.issues)
            assert not out.exists() and not any(out.parent.glob("*") if out.parent.exists() else ())
            return
        written = [
            each.read_text(errors="replace")
            for each in out.rglob("*")
            if each.is_file() and each.suffix in (".c", ".py")
        ]
        folders = {each.name for each in (out / "submissions").iterdir()}
        assert report.written == report.students == len(folders) + report.students - report.submissions
        for student in set(STUDENTS) - lost:
            in_a_file = any(work(student) == text for text in written)
            assert in_a_file or (platform == "submitty" and student in folders), (student, folders)
        assert sorted(each.name for each in folder.iterdir()) == sorted(
            ["export.zip", "labs", "roster", *(["tables"] if tables else [])]
        )
        assert report.ratings <= sum(cell.strip().lower() == "true" for row in grades[:3] for cell in row[6:8]) * 2
        _check_ratings(out / "rubric_ratings.csv", grades)


def _check_ratings(path: Path, grades: list[list[str]]) -> None:
    """Every 1 in the table is a `true` of a TA, or a `false` next to one, on a row with one of that student's ids.

    The folder of a student has that name, or contains that student's work if the metadata or the roster is damaged;
    a folder with neither is that of a student without files.
    """
    owners = {
        folder.name: {student for student in STUDENTS if _is_of(student, folder)}
        for folder in (path.parent / "submissions").iterdir()
    }
    rest = set(STUDENTS).difference(*owners.values())
    if not path.exists():
        return
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    for row in rows[6:]:
        for column, cell in enumerate(row[1:], start=1):
            if cell == "1" and rows[2][column] in ("A", "B"):
                index = 6 if rows[2][column] == "A" else 7
                students = owners[row[0]] or rest
                ids = {f"{student}{end}" for student in students for end in ("", "@x")}
                numbers = {student.removeprefix("s") for student in students}
                own = [each for each in grades[:3] if each[0].strip() in numbers or not ids.isdisjoint(each[2:4])]
                assert any(each[index].strip().lower() == "true" for each in own), (row, owners)


def _is_of(student: str, folder: Path) -> bool:
    files = (each for each in folder.rglob("*") if each.is_file())
    return folder.name.split("@")[0] == student or any(
        work(student) in each.read_text("utf-8", "replace") for each in files
    )
