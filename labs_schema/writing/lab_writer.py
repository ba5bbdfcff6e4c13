"""Writes a lab, or grades only, as files that `reading` reads back unchanged; raises InputError otherwise."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from labs_schema.errors import InputError, error_issue, quoted
from labs_schema.models import Criterion, HumanGrade, Lab, Rating, SourceFile, is_bonus_title
from labs_schema.reading.lab_folders import (
    COMMENTS,
    GROUPS,
    LANGUAGE_FILE,
    RATINGS,
    SHORT_STATEMENTS,
    STATEMENTS,
    SUBMISSIONS,
    TEMPLATE,
)
from labs_schema.reading.observations_file import write_observations
from labs_schema.reading.ratings.human_grades import is_comment
from labs_schema.reading.ratings.ratings_csv import HEADER
from labs_schema.rubrics.rubric_json import RUBRIC
from labs_schema.rubrics.titles import TA, is_rater, rater_file, rater_of
from labs_schema.source.languages import LANGUAGES, UNKNOWN, majority_languages
from labs_schema.submissions.file_names import safe_member_path
from labs_schema.tables.csv_writer import Cell, write_csv

Texts = Mapping[str, Mapping[str, str]]
"""student -> criterion title -> rating title or comment."""


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


def write_rubric(criteria: Sequence[Criterion], path: Path) -> None:
    """Writes `path` as a `rubrics.json`."""
    _write(path, rubric_text(criteria))


def rubric_text(criteria: Sequence[Criterion]) -> str:
    """The text of a `rubrics.json`."""
    return json.dumps([_as_json(criterion) for criterion in criteria], indent=1) + "\n"


def write_ratings(
    criteria: Sequence[Criterion],
    ratings: Texts,
    folders: Mapping[str, str],
    path: Path,
    comments: Texts | None = None,
    raters: Mapping[str, str] | None = None,
) -> None:
    """Writes `path` as a `rubric_ratings.csv` with a row for each student of `ratings`, in its order.

    A criterion without a rating gets 0 in all its cells. `folders` maps students to first cells (`s1@course`); the
    default is the student's id. `comments` are written to `rubric_comments.csv` in the same folder, each in the cell of
    the rating given. `raters` (student -> TA) adds a TA column. Raises InputError for a rating not in `criteria` and a
    comment that would read as a mark.
    """
    _check(criteria, ratings, comments or {}, path)

    def table(cell: Callable[[str, Criterion, Rating], str]) -> list[list[str]]:
        return [
            [folders.get(student, student), *(cell(student, one, rating) for one in criteria for rating in one.ratings)]
            for student in ratings
        ]

    def mark_cell(student: str, criterion: Criterion, rating: Rating) -> str:
        return "1" if ratings[student].get(criterion.title) == rating.title else "0"

    def comment_cell(student: str, criterion: Criterion, rating: Rating) -> str:
        rated = ratings[student].get(criterion.title)
        comment = (comments or {}).get(student, {}).get(criterion.title)
        if rating.title != (rated or criterion.ratings[0].title):
            return "0"
        return comment or ("0" if rated is None else "No Comments")

    _write_table(criteria, table(mark_cell), path, [raters.get(student, "") for student in ratings] if raters else None)
    if comments is not None:
        _write_table(criteria, table(comment_cell), path.with_name(COMMENTS))


def grade_texts(grades: Iterable[HumanGrade]) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    """The ratings, with an entry for every graded student, and the comments, both as `write_ratings` takes them."""
    ratings: dict[str, dict[str, str]] = {}
    comments: dict[str, dict[str, str]] = {}
    for grade in grades:
        row = ratings.setdefault(grade.student, {})
        if grade.rating is not None:
            row[grade.criterion] = grade.rating
        if grade.comment:
            comments.setdefault(grade.student, {})[grade.criterion] = grade.comment
    return ratings, comments


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


def _write_table(
    criteria: Sequence[Criterion], rows: Iterable[list[str]], path: Path, tas: Sequence[str] | None = None
) -> None:
    """`tas` are the cells of the TA column, one for each row."""
    columns = [(criterion, rating) for criterion in criteria for rating in criterion.ratings]
    header: list[list[Cell]] = [
        [criterion.title for criterion, _ in columns],
        [criterion.description for criterion, _ in columns],
        [rating.title for _, rating in columns],
        [rating.description for _, rating in columns],
        [rating.marks for _, rating in columns],
        [""] * len(columns),
    ]
    if tas is not None:
        header = [[*cells, TA.upper() if row == 0 else ""] for row, cells in enumerate(header)]
        rows = ([*row, ta] for row, ta in zip(rows, tas, strict=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_csv(path, [*([name, *cells] for name, cells in zip(HEADER, header, strict=True)), *rows])


def _as_json(criterion: Criterion) -> dict[str, object]:
    ratings = [
        {"title": rating.title, "description": rating.description}
        | ({} if rating.marks is None else {"marks": rating.marks})
        for rating in criterion.ratings
    ]
    bonus = {} if criterion.bonus == is_bonus_title(criterion.title) else {"bonus": criterion.bonus}
    rules = [rule.model_dump(mode="json", exclude_defaults=True) for rule in criterion.decided_by]
    decided = {"decided_by": rules} if rules else {}
    more = {"clarifications": list(criterion.clarifications)} if criterion.clarifications else {}
    first = {"title": criterion.title, "description": criterion.description, "Ratings": ratings}
    return {**first, **bonus, **decided, **more}


def _check(criteria: Sequence[Criterion], ratings: Texts, comments: Texts, path: Path) -> None:
    known = {(criterion.title, rating.title) for criterion in criteria for rating in criterion.ratings}
    for row in ratings.values():
        for pair in row.items():
            if pair not in known:
                _refuse(path.name, f"rating {quoted(pair[1])} of {quoted(pair[0])}", "a rating in the rubric")
    for row in comments.values():
        for criterion, comment in row.items():
            if not is_comment(comment.strip()):
                _refuse(
                    path.name,
                    f"the comment {quoted(comment)} of {quoted(criterion)}",
                    "words, not a mark",
                )


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
