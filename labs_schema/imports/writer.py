"""Writes an imported lab: complete or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

from labs_schema.errors import GraderError, InputError, IssueCollector, error_issue
from labs_schema.files.edits import draft_folder
from labs_schema.imports.export_files import copyable_files, open_table
from labs_schema.imports.platform_tables import PlatformTable
from labs_schema.imports.records import ExportFile, IdKind, ImportedLab, ImportedSubmission
from labs_schema.limits import ImportLimits
from labs_schema.models import HumanGrade
from labs_schema.reading.lab_folders import COMMENTS, GROUPS, LAB_FILES, RATINGS, ROSTER, SUBMISSIONS
from labs_schema.reading.ratings.ratings_csv import HEADER
from labs_schema.rubrics.rubric_json import RUBRIC
from labs_schema.submissions.archives import ARCHIVE_ERRORS
from labs_schema.submissions.file_names import safe_member_path
from labs_schema.tables.csv_writer import write_csv
from labs_schema.writing.lab_writer import grade_texts, write_ratings, write_rubric

Progress = Callable[[str, int, int], None]
"""Step, done, total."""
SAME_NAMES = 20
"""Files with the same path that are saved for one submission."""


def check_output(out: Path) -> None:
    """Raises InputError if `out` exists, unless it is an empty folder: an import never changes a lab."""
    if os.path.lexists(out) and not (out.is_dir() and not out.is_symlink() and not any(out.iterdir())):
        raise InputError([error_issue("output-exists", out)])


def write_imported(lab: ImportedLab, source: Path | None, out: Path, issues: IssueCollector, progress: Progress) -> int:
    """Writes the lab into `out` and returns the number of its students, counted in the written folder.

    The other files of a lab (statement, rubric, template, ...) are copied from the lab `source`. The folder appears
    under its name when it is complete: after a crash there is only a draft, which no command reads. Raises OSError if
    it cannot be written, GraderError if a student is missing in it.
    """
    check_output(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with draft_folder(out) as folder:
        (folder / SUBMISSIONS).mkdir()
        if source is not None:
            _copy_lab(source, folder, lab, issues)
        for done, submission in enumerate(lab.submissions, start=1):
            _write_submission(submission, folder / SUBMISSIONS / submission.student, issues)
            progress("Importing", done, len(lab.submissions))
        _write_tables(lab, folder)
        written = _count(lab, folder)
        folder.replace(out)
    return written


def _copy_lab(source: Path, folder: Path, lab: ImportedLab, issues: IssueCollector) -> None:
    """Copies the files of the lab format, except those that the import writes."""
    written = {
        SUBMISSIONS: True,
        GROUPS: True,
        RUBRIC: lab.own_rubric,
        ROSTER: bool(lab.roster),
        RATINGS: bool(lab.grades),
    }
    names = {name for name in LAB_FILES if not written.get(name)}
    table = _ratings_table(source / RATINGS, issues)
    if table and table.header[0].casefold() != HEADER[0].casefold():  # of a platform: its ratings are in `lab.grades`
        names -= {RATINGS, COMMENTS}
    for file in copyable_files(source, names, issues):
        _write_file(file, file.path, folder, f"{source.name}/{file.path}", issues)


def _ratings_table(path: Path, issues: IssueCollector) -> PlatformTable | None:
    if not path.is_file():
        return None
    single = open_table(path, issues)
    return single.table(single.files[0])


def _write_submission(submission: ImportedSubmission, folder: Path, issues: IssueCollector) -> None:
    folder.mkdir()
    for path, file in submission.work.files:
        _write_file(file, path, folder, f"{folder.name}/{path}", issues)


def _write_file(file: ExportFile, path: str, folder: Path, where: str, issues: IssueCollector) -> None:
    """A file that cannot be read or whose name is not possible on this system is reported; a full disk raises."""
    safe, maximum = safe_member_path(path), ImportLimits().file_bytes
    if safe is None or any(len(part.encode()) > 255 for part in safe.split("/")):
        issues.warning("skipped-file", where, found="an unusable file name")
        return
    try:
        data = file.read(maximum + 1)
    except ARCHIVE_ERRORS as error:
        issues.warning("skipped-file", where, found=f"a file that cannot be read ({type(error).__name__})")
        return
    if len(data) > maximum:
        issues.warning("skipped-file", where, found=f"more than {maximum:,} bytes")
        return
    _save(data, safe, folder, issues)


def _save(data: bytes, path: str, folder: Path, issues: IssueCollector) -> None:
    """A second file with the same path is saved under another name, unless it is equal."""
    for number in range(1, SAME_NAMES + 1):
        target = folder / (path if number == 1 else _numbered(path, number))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as opened:
                opened.write(data)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            if target.is_file() and target.read_bytes() == data:
                return
        else:
            if number > 1:
                issues.warning("renamed-file", f"{folder.name}/{path}", found=f"a second file, saved as {target.name}")
            return
    issues.warning("skipped-file", f"{folder.name}/{path}", found="a further file with this path")


def _numbered(path: str, number: int) -> str:
    """`src/main-2.c` for `src/main.c`."""
    parent, slash, name = path.rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    return f"{parent}{slash}{stem}-{number}{dot}{suffix}" if stem else f"{parent}{slash}{name}-{number}"


def _write_tables(lab: ImportedLab, folder: Path) -> None:
    if lab.criteria and lab.own_rubric:
        write_rubric(lab.criteria, folder / RUBRIC)
    if lab.grades:
        ratings, comments = grade_texts(lab.grades)
        write_ratings(lab.criteria, ratings, {}, folder / RATINGS, comments or None, _raters(lab.grades))
    if lab.roster:
        write_csv(folder / ROSTER, [["student", "first name", "last name", "email"], *_roster_rows(lab)])
    members = [(each.student, member) for each in lab.submissions for member in (each.student, *each.members)]
    grouped = {each.student for each in lab.submissions if each.members}
    if grouped:
        write_csv(folder / GROUPS, [("group", "student"), *(row for row in members if row[0] in grouped)])


def _raters(grades: tuple[HumanGrade, ...]) -> dict[str, str] | None:
    """student -> TA, for the students whom one TA graded alone: the table has one TA for each row."""
    raters: dict[str, set[str]] = {}
    for grade in grades:
        raters.setdefault(grade.student, set()).add(grade.rater or "")
    return {student: names.pop() for student, names in raters.items() if len(names) == 1 and "" not in names} or None


def _roster_rows(lab: ImportedLab) -> list[list[str]]:
    def of_kind(kind: IdKind, entry: tuple[tuple[IdKind, str], ...]) -> str:
        return next((value for each, value in entry if each is kind), "")

    return [[entry.ids[0].value, entry.first, entry.last, of_kind(IdKind.EMAIL, entry.ids)] for entry in lab.roster]


def _count(lab: ImportedLab, folder: Path) -> int:
    """The students in the written folder. Raises GraderError unless they are those of the import."""
    folders = {entry.name for entry in os.scandir(folder / SUBMISSIONS)}
    lost = {each.student for each in lab.submissions} - folders
    if lost:
        raise GraderError(f"{len(lost)} students are missing from the written folder.", code="students-lost")
    return len(folders) + sum(len(each.members) for each in lab.submissions)
