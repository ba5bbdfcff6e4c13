"""nbgrader: a course folder with `submitted/student/assignment/` and `gradebook.db`, or the `submitted` folder alone.

A manually graded cell is a criterion; its ratings are the scores that TAs gave, with 0 and the maximum. Scores of
autograder tests are not ratings.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from labs_schema.errors import InputError, error_issue
from labs_schema.imports.export_files import Export
from labs_schema.imports.identities import ids
from labs_schema.imports.platform_tables import points_title
from labs_schema.imports.records import Assessment, ExportFile, IdKind, Ids, PlatformExport, RosterEntry, Work
from labs_schema.limits import ImportLimits
from labs_schema.models import Criterion, Rating

LIMITS = ImportLimits()

DATABASE, SUBMITTED = "gradebook.db", "submitted"
LONGEST_DESCRIPTION = 4_000
STUB = "YOUR ANSWER HERE"
"""The text that nbgrader puts instead of a solution."""

_CELLS = """
SELECT notebook.name, base_cell.name, coalesce(grade_cells.max_score, task_cells.max_score), source_cell.source
FROM base_cell JOIN notebook ON notebook.id = base_cell.notebook_id
JOIN assignment ON assignment.id = notebook.assignment_id
LEFT JOIN grade_cells ON grade_cells.id = base_cell.id LEFT JOIN task_cells ON task_cells.id = base_cell.id
LEFT JOIN source_cell ON source_cell.notebook_id = notebook.id AND source_cell.name = base_cell.name
WHERE assignment.name = ? AND (task_cells.id IS NOT NULL OR (grade_cells.id IS NOT NULL AND EXISTS (
    SELECT 1 FROM base_cell AS same JOIN solution_cells ON solution_cells.id = same.id
    WHERE same.notebook_id = notebook.id AND same.name = base_cell.name)))
ORDER BY notebook.name, base_cell.name
"""
_SCORES = """
SELECT submitted_assignment.student_id, notebook.name, base_cell.name, grade.manual_score, comment.manual_comment
FROM grade JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
JOIN assignment ON assignment.id = submitted_assignment.assignment_id
JOIN base_cell ON base_cell.id = grade.cell_id JOIN notebook ON notebook.id = base_cell.notebook_id
LEFT JOIN (comment JOIN base_cell AS commented ON commented.id = comment.cell_id)
ON comment.notebook_id = submitted_notebook.id AND commented.name = base_cell.name
WHERE assignment.name = ? AND grade.manual_score IS NOT NULL AND NOT grade.needs_manual_grade
"""
_LATE = """
SELECT submitted_assignment.student_id, submitted_assignment.timestamp > assignment.duedate
FROM submitted_assignment JOIN assignment ON assignment.id = submitted_assignment.assignment_id
WHERE assignment.name = ? AND submitted_assignment.extension IS NULL AND assignment.duedate IS NOT NULL
AND submitted_assignment.timestamp IS NOT NULL
"""


def recognizes(paths: Sequence[str]) -> bool:
    return DATABASE in paths or any(
        path.startswith(f"{SUBMITTED}/") and path.count("/") >= 3 and path.endswith((".ipynb", "/timestamp.txt"))
        for path in paths
    )


def read(export: Export) -> PlatformExport:
    """Raises InputError for a bad database, and for several assignments if the export's `assignment` names none."""
    database = export.file(DATABASE)
    data = export.data(database) if database else None
    submitted = export.inside(SUBMITTED) if any(p.startswith(f"{SUBMITTED}/") for p in export.paths) else export
    files: dict[str, dict[str, list[tuple[str, ExportFile]]]] = {}
    for each in submitted.files:
        student, _, rest = each.path.partition("/")
        name, _, path = rest.partition("/")
        if path:
            files.setdefault(name, {}).setdefault(student, []).append((path, each))
    for folder in submitted.folders:  # the folder of a student without files, of one assignment or of all
        student, _, name = folder.partition("/")
        if name and "/" not in name:
            files.setdefault(name, {}).setdefault(student, [])
    name = _assignment(sorted(files), export.assignment, export.name)
    if data is None:
        works = tuple(_work(student, found, None) for student, found in files.get(name, {}).items())
        return PlatformExport(works)
    try:
        with _opened(data, LIMITS.database_steps) as connection:
            late = dict(connection.execute(_LATE, (name,)).fetchall())
            scales, assessments = _graded(connection, name)
            roster = tuple(
                _student(*row) for row in connection.execute("SELECT id, email, first_name, last_name FROM student")
            )
    except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
        found = f"a database that cannot be read ({type(error).__name__})"
        raise InputError([error_issue("bad-export", DATABASE, found=found)]) from error
    works = tuple(_work(student, found, late.get(student)) for student, found in files.get(name, {}).items())
    return PlatformExport(works, assessments, scales=scales, roster=roster)


def _assignment(names: Sequence[str], chosen: str | None, where: str) -> str:
    if chosen in names and chosen is not None:
        return chosen
    if chosen is None and len(names) == 1:
        return names[0]
    raise InputError([error_issue("several-assignments", where, found=", ".join(names[:20]) or "no assignment")])


def _work(student: str, files: list[tuple[str, ExportFile]], late: int | None) -> Work:
    return Work(student, (_ids(student),), tuple(files), late=None if late is None else bool(late))


def _ids(student: str) -> Ids:
    return ids((IdKind.LOGIN, student))


def _student(student: str, email: str | None, first: str | None, last: str | None) -> RosterEntry:
    known = ids((IdKind.LOGIN, str(student)), (IdKind.EMAIL, str(email or "")))
    return RosterEntry(known, str(first or ""), str(last or ""))


@contextmanager
def _opened(data: bytes, max_steps: int) -> Iterator[sqlite3.Connection]:
    """The database in memory, so that a hostile one cannot write files; a query past the limit is interrupted."""
    with closing(sqlite3.connect(":memory:")) as connection:
        # A write-ahead log is not part of the export: mark the file as one without (bytes 18 and 19 of its header).
        connection.deserialize(data[:18] + b"\x01\x01" + data[20:])
        connection.execute("PRAGMA trusted_schema = OFF")
        interval, calls = 100_000, iter(range(max_steps // 100_000))
        connection.set_progress_handler(lambda: next(calls, None) is None, interval)
        yield connection


def _graded(connection: sqlite3.Connection, name: str) -> tuple[dict[str, Criterion], tuple[Assessment, ...]]:
    cells = {(str(row[0]), str(row[1])): row for row in connection.execute(_CELLS, (name,))}
    several = len({notebook for notebook, _ in cells}) > 1
    titles = {key: f"{key[0]}: {key[1]}" if several else key[1] for key in cells}
    levels: dict[tuple[str, str], set[float]] = {key: {0.0, float(row[2] or 0)} for key, row in cells.items()}
    scores = [row for row in connection.execute(_SCORES, (name,)) if (str(row[1]), str(row[2])) in cells]
    for _, notebook, cell, score, _ in scores:
        levels[str(notebook), str(cell)].add(float(score))
    scales = {
        titles[key]: Criterion(
            title=titles[key],
            description=str(row[3] or "").replace(STUB, "")[:LONGEST_DESCRIPTION].strip(),
            ratings=tuple(
                Rating(title=points_title(marks), marks=marks) for marks in sorted(levels[key], reverse=True)
            ),
        )
        for key, row in cells.items()
    }
    found = tuple(
        Assessment(
            titles[str(notebook), str(cell)],
            points_title(float(score)),
            owner=_ids(str(student)),
            marks=float(score),
            comment=str(comment or ""),
        )
        for student, notebook, cell, score, comment in scores
    )
    return scales, found
