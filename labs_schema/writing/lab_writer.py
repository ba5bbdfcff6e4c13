"""Writes rubrics and ratings as files that `reading` reads back unchanged; raises InputError otherwise."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from labs_schema.errors import InputError, error_issue, quoted
from labs_schema.models import Criterion, HumanGrade, Rating, is_bonus_title
from labs_schema.reading.lab_folders import COMMENTS
from labs_schema.reading.ratings.human_grades import is_comment
from labs_schema.reading.ratings.ratings_csv import HEADER
from labs_schema.rubrics.titles import TA
from labs_schema.tables.csv_writer import Cell, write_csv

Texts = Mapping[str, Mapping[str, str]]
"""student -> criterion title -> rating title or comment."""


def write_rubric(criteria: Sequence[Criterion], path: Path) -> None:
    """Writes `path` as a `rubrics.json`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(rubric_text(criteria), encoding="utf-8", newline="")


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


def _refuse(path: str, found: str, expected: str) -> NoReturn:
    raise InputError([error_issue("cannot-write", path, found=found, expected=expected)])
