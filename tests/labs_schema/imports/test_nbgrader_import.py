"""nbgrader: a course that nbgrader 0.9.6 itself made (data/nbgrader_course.zip), and hostile gradebooks."""

import sqlite3
import zipfile
from pathlib import Path

import pytest

from labs_schema.errors import InputError
from labs_schema.imports.readers import nbgrader
from labs_schema.limits import ImportLimits
from labs_schema.reading.validate import load_lab
from tests.labs_schema.imports.conftest import Import, submitted, write_folder

COURSE = Path(__file__).with_name("data") / "nbgrader_course.zip"


@pytest.fixture(scope="module")
def course() -> dict[str, bytes]:
    with zipfile.ZipFile(COURSE) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def test_course_made_by_nbgrader(run_import: Import, course: dict[str, bytes]) -> None:
    report, codes, folder = run_import("nbgrader", course)
    assert submitted(folder) == {"s1": ["square.ipynb", "timestamp.txt"], "s2": ["square.ipynb", "timestamp.txt"]}
    write_folder({"ps.txt": "Square.", "modified_ps.txt": "s", "language.txt": "Python"}, folder)
    lab = load_lab(folder)
    [criterion] = lab.criteria  # the cell with tests is graded by nbgrader, not by a TA
    assert [(r.title, r.marks) for r in criterion.ratings] == [("3 points", 3), ("1 point", 1), ("0 points", 0)]
    assert {(g.student, g.rating, g.comment) for g in lab.human_grades} == {
        ("s1", "3 points", "Good"),
        ("s2", "1 point", "Why?"),
    }
    assert (report.matched, report.absent, codes) == (2, ("s3",), set())


def test_several_assignments_need_a_name(run_import: Import, course: dict[str, bytes]) -> None:
    with pytest.raises(InputError) as raised:
        run_import("nbgrader", course | {"submitted/s1/ps2/x.ipynb": b"{}"})
    assert raised.value.issues[0].code == "several-assignments" and "ps1, ps2" in raised.value.issues[0].found


@pytest.mark.parametrize("damage", [b"no database", b"SQLite format 3\0" + b"\xff" * 5000, b""])
def test_damaged_gradebook_is_an_error(run_import: Import, course: dict[str, bytes], damage: bytes) -> None:
    with pytest.raises(InputError) as raised:
        run_import("nbgrader", course | {"gradebook.db": damage})
    assert raised.value.issues[0].code == "bad-export"


def test_gradebook_with_an_endless_view_is_interrupted(
    run_import: Import, course: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_folder({"gradebook.db": course["gradebook.db"]}, tmp_path / "hostile") / "gradebook.db"
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, '' AS email, '' AS first_name, '' AS last_name FROM n"  # noqa: E501
    with sqlite3.connect(path) as connection:
        connection.executescript(f"DROP TABLE student; CREATE VIEW student AS {endless};")
    monkeypatch.setattr(nbgrader, "LIMITS", ImportLimits(database_steps=1_000_000))
    with pytest.raises(InputError) as raised:
        run_import("nbgrader", course | {"gradebook.db": path.read_bytes()})
    assert raised.value.issues[0].code == "bad-export"
