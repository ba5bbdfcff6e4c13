"""Writes a complete lab, such as one of a test, as files that `reading` reads back unchanged."""

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from labs_schema.errors import InputError, error_issue, quoted
from labs_schema.models import HumanGrade, Lab, SourceFile
from labs_schema.reading.lab_folders import (
    GROUPS,
    LANGUAGE_FILE,
    RATINGS,
    SHORT_STATEMENTS,
    STATEMENTS,
    SUBMISSIONS,
    TEMPLATE,
)
from labs_schema.reading.observations_file import write_observations
from labs_schema.rubrics.rubric_json import RUBRIC
from labs_schema.rubrics.titles import is_rater, rater_file, rater_of
from labs_schema.source.languages import LANGUAGES, UNKNOWN, majority_languages
from labs_schema.submissions.file_names import safe_member_path
from labs_schema.tables.csv_writer import write_csv
from labs_schema.writing.lab_writer import grade_texts, write_ratings, write_rubric


def write_lab(lab: Lab, folder: Path) -> None:
    """Writes the lab's files into `folder`, created if missing. Reading it gives an equal lab with the folder's name.

    Raises InputError for an unsupported language, a path outside its submission, a comment that would read as a mark,
    and a TA name that is invalid in a cell or file name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / STATEMENTS[0], lab.problem)
    _write(folder / SHORT_STATEMENTS[0], lab.short_problem)
    write_rubric(lab.criteria, folder / RUBRIC)
    _write_language(lab, folder)
    for submission in lab.submissions:
        for file in submission.files:
            _write_source(folder / SUBMISSIONS, submission.folder, file)
    for file in lab.template:
        _write_source(folder, TEMPLATE, file)
    members = [(submission.folder, each) for submission in lab.submissions for each in submission.members]
    if members:
        write_csv(folder / GROUPS, [("group", "student"), *members])
    if observed := {each.student: each.observations for each in lab.submissions if each.observations}:
        write_observations(observed, folder)
    if lab.human_grades:
        _write_grades(lab, folder)
    for rater in sorted({grade.rater for grade in lab.rater_grades}, key=str):
        _write_rater(lab, rater, folder)


def _write_grades(lab: Lab, folder: Path) -> None:
    """The current grades. Only graded criteria get columns, as in the files the lab was read from."""
    graded = {grade.criterion for grade in lab.human_grades}
    ratings, comments = grade_texts(lab.human_grades)
    criteria = [criterion for criterion in lab.criteria if criterion.title in graded]
    folders = {submission.student: submission.folder for submission in lab.submissions}
    write_ratings(criteria, ratings, folders, folder / RATINGS, comments or None, _one_rater_each(lab.human_grades))


def _one_rater_each(grades: Sequence[HumanGrade]) -> dict[str, str]:
    """student -> TA, for the students whose TA is known."""
    raters: dict[str, str | None] = {}
    for grade in grades:
        rater = raters.setdefault(grade.student, grade.rater)
        if rater != grade.rater or not (rater is None or is_rater(rater)):
            _refuse(RATINGS, f"the TA {quoted(grade.rater or '')}", "one TA for each student, in printable text")
    return {student: rater for student, rater in raters.items() if rater is not None}


def _write_rater(lab: Lab, rater: str | None, folder: Path) -> None:
    """The table of one TA. Only criteria that the TA rated get columns."""
    if rater is None or rater_of(rater_file(rater)) != rater:
        _refuse(rater_file("..."), f"the TA {quoted(rater or '')}", "a name that is valid in a file name")
    ratings: dict[str, dict[str, str]] = {}
    for grade in lab.rater_grades:
        if grade.rater == rater and grade.rating is not None:
            ratings.setdefault(grade.student, {})[grade.criterion] = grade.rating
    titles = {title for row in ratings.values() for title in row}
    criteria = [criterion for criterion in lab.criteria if criterion.title in titles]
    folders = {submission.student: submission.folder for submission in lab.submissions}
    write_ratings(criteria, ratings, folders, folder / rater_file(rater))


def _write_language(lab: Lab, folder: Path) -> None:
    """Writes language.txt unless the language is detected from the files' extensions."""
    detected = majority_languages([file.path for file in submission.files] for submission in lab.submissions)
    if (detected or (UNKNOWN,)) == (lab.language,):
        return
    if lab.language not in LANGUAGES:
        _refuse(LANGUAGE_FILE, f"the language {quoted(lab.language)}", f"one of {', '.join(LANGUAGES)}")
    _write(folder / LANGUAGE_FILE, f"{lab.language}\n")


def _write_source(folder: Path, name: str, file: SourceFile) -> None:
    path = f"{name}/{file.path}"
    if "/" in name or safe_member_path(path) != path:
        _refuse(path, "a path that points outside the submission", "a relative path with / and without ..")
    _write(folder / path, file.text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")


def _refuse(path: str, found: str, expected: str) -> NoReturn:
    raise InputError([error_issue("cannot-write", path, found=found, expected=expected)])
