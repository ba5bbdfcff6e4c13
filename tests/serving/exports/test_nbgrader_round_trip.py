"""nbgrader: grades of an imported course go back into its gradebook. Nightly: with nbgrader itself, from PyPI."""

import os
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from labs_schema.imports.importer import ImportSource, import_lab
from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from serving.exports.exporter import ExportRequest, export_results
from tests.labs_schema.imports.test_nbgrader_import import COURSE
from tests.serving.exports.conftest import write_accepted

CHANGED = {"s1": {"explain": "1 point"}, "s2": {"explain": "3 points"}}


def imported(course: Path, folder: Path) -> Lab:
    import_lab(ImportSource("nbgrader", course), folder)
    for name, text in (("ps.txt", "Square."), ("modified_ps.txt", "Square"), ("language.txt", "Python")):
        (folder / name).write_text(text)
    return load_lab(folder)


def test_gradebook_gets_manual_scores_and_comments_and_nothing_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(COURSE) as archive:
        archive.extract("gradebook.db", tmp_path)
    before = tmp_path / "gradebook.db"
    lab = imported(COURSE, tmp_path / "lab")
    results = write_accepted(lab, CHANGED, tmp_path / "results", "Because.")
    report = export_results(ExportRequest("nbgrader", results, before), tmp_path / "filled.db")
    assert [(c.student, c.before, c.after) for c in report.changes] == [("s1", "3", "1"), ("s2", "1", "3")]
    grades = "SELECT auto_score, manual_score, needs_manual_grade FROM grade ORDER BY auto_score, manual_score"
    with sqlite3.connect(tmp_path / "filled.db") as connection, sqlite3.connect(before) as original:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute(grades).fetchall() == original.execute(grades).fetchall()  # the two swapped places
        comments = connection.execute("SELECT manual_comment FROM comment WHERE manual_comment IS NOT NULL").fetchall()
    assert comments == [("Because.",), ("Because.",)]


MAKE_COURSE = """
import nbformat
from pathlib import Path
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

def cell(make, source, grade_id, **more):
    made = make(source)
    flags = {"grade": False, "solution": False, "locked": False, "schema_version": 3, "task": False}
    made.metadata["nbgrader"] = flags | {"grade_id": grade_id} | more
    return made

spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
book = new_notebook(metadata={"kernelspec": spec})
solution = "def square(x):\\n    ### BEGIN SOLUTION\\n    return x * x\\n    ### END SOLUTION"
book.cells = [
    cell(new_code_cell, solution, "square", solution=True),
    cell(new_code_cell, "assert square(3) == 9", "test", grade=True, locked=True, points=2, cell_type="code"),
    cell(new_markdown_cell, "Why?", "explain", grade=True, solution=True, points=3, cell_type="markdown"),
]
Path("source/ps1").mkdir(parents=True)
nbformat.write(book, "source/ps1/square.ipynb")
Path("nbgrader_config.py").write_text("c = get_config()\\nc.CourseDirectory.course_id = 'c'\\n")
"""
SUBMIT = """
import nbformat
from pathlib import Path
for student, body in (("s1", "x * x"), ("s2", "x + x")):
    book = nbformat.read("release/ps1/square.ipynb", 4)
    for cell in book.cells:
        if cell.metadata.nbgrader.grade_id == "square":
            cell.source = f"def square(x):\\n    return {body}"
    folder = Path(f"submitted/{student}/ps1")
    folder.mkdir(parents=True)
    nbformat.write(book, folder / "square.ipynb")
    (folder / "timestamp.txt").write_text("2026-01-01 10:00:00 UTC")
"""
GRADE = """
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    for student, score in (("s1", 3.0), ("s2", 1.0)):
        grade = book.find_grade("explain", "square", "ps1", student)
        grade.manual_score, grade.needs_manual_grade = score, False
        book.find_comment("explain", "square", "ps1", student).manual_comment = "Good" if score > 2 else "Why?"
    book.db.commit()
"""
READ = """
from nbgrader.api import Gradebook
with Gradebook("sqlite:///filled.db") as book:
    for student in ("s1", "s2"):
        comment = book.find_comment("explain", "square", "ps1", student).comment
        print(student, book.find_submission("ps1", student).score, comment)
"""


@pytest.mark.nightly
@pytest.mark.slow
def test_round_trip_with_nbgrader_itself(tmp_path: Path) -> None:
    """Creates, releases, collects and autogrades an assignment, grades it by hand, and reads our grades back."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python, nbgrader = environment / "bin/python", environment / "bin/nbgrader"
    subprocess.run([python, "-m", "pip", "install", "-q", "nbgrader==0.9.6", "ipykernel"], check=True)
    course = tmp_path / "course"
    course.mkdir()

    def run(*command: str | Path) -> str:
        path = f"{environment / 'bin'}:{os.environ['PATH']}"  # it calls alembic
        done = subprocess.run(command, cwd=course, capture_output=True, text=True, env=os.environ | {"PATH": path})
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(python, "-c", MAKE_COURSE)
    run(nbgrader, "generate_assignment", "ps1")
    run(python, "-c", SUBMIT)
    run(nbgrader, "autograde", "ps1")
    run(python, "-c", GRADE)
    lab = imported(course, tmp_path / "lab")
    assert lab.ratings_by_student == {"s1": {"explain": "3 points"}, "s2": {"explain": "1 point"}}
    results = write_accepted(lab, CHANGED, tmp_path / "results", "Because.")
    export_results(ExportRequest("nbgrader", results, course / "gradebook.db"), course / "filled.db")
    assert run(python, "-c", READ).split("\n")[:2] == ["s1 3.0 Because.", "s2 3.0 Because."]
