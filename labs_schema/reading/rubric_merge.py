"""Merges the rubric in rubrics.json with the one in the header of the ratings table.

Entries in only one of them are included, with a warning. If they differ, rubrics.json takes precedence; differing marks
are an error.
"""

from collections.abc import Sequence

from labs_schema.errors import IssueCollector, did_you_mean, quoted
from labs_schema.models import Criterion, Rating
from labs_schema.reading.lab_folders import RUBRIC
from labs_schema.reading.ratings_csv import RatingsTable

MIN_RATINGS, MAX_RATINGS = 2, 26  # an option for each letter of the alphabet


def table_criteria(table: RatingsTable) -> tuple[Criterion, ...]:
    """The rubric in the table's header, in the order of its columns."""
    ratings: dict[str, list[Rating]] = {}
    descriptions: dict[str, str] = {}
    for column in table.columns:
        rating = Rating(title=column.rating, description=column.rating_description, marks=column.marks)
        ratings.setdefault(column.criterion, []).append(rating)
        descriptions[column.criterion] = descriptions.get(column.criterion) or column.description
    return tuple(
        Criterion(title=title, description=descriptions[title], ratings=tuple(ratings[title])) for title in ratings
    )


def merge_rubrics(
    rubric: Sequence[Criterion] | None, table: RatingsTable | None, issues: IssueCollector
) -> tuple[Criterion, ...]:
    """The criteria of `rubric` in its order, then those that only the table has. None stands for a missing file."""
    in_table = {criterion.title: criterion for criterion in table_criteria(table)} if table else {}
    if rubric is None or table is None:
        merged = tuple(rubric or in_table.values())
    else:
        in_rubric = {criterion.title: criterion for criterion in rubric}
        _one_file_only(in_rubric, in_table, table.path, issues)
        known = [_merged(criterion, in_table.get(criterion.title), table.path, issues) for criterion in rubric]
        merged = (*known, *(criterion for title, criterion in in_table.items() if title not in in_rubric))
    for criterion in merged:
        _check_ratings(criterion, issues)
    return merged


def _one_file_only(
    in_rubric: dict[str, Criterion], in_table: dict[str, Criterion], path: str, issues: IssueCollector
) -> None:
    for title in in_rubric:
        if title not in in_table:
            issues.warning(
                "criterion-without-column",
                path,
                line=1,
                found=f"no column for the criterion {quoted(title)}",
                hint=f"The criterion is included, without human grades.{did_you_mean(title, in_table)}",
            )
    for title in in_table:
        if title not in in_rubric:
            issues.warning(
                "criterion-not-in-rubric",
                RUBRIC,
                found=f"no criterion {quoted(title)}, but {path} has it",
                hint=f"The criterion is included as the table defines it.{did_you_mean(title, in_rubric)}",
            )


def _merged(ours: Criterion, theirs: Criterion | None, path: str, issues: IssueCollector) -> Criterion:
    if theirs is None:
        return ours
    columns = {rating.title: rating for rating in theirs.ratings}
    titles = {rating.title for rating in ours.ratings}
    for title in [title for title in titles if title not in columns]:
        issues.warning(
            "rating-without-column",
            path,
            line=3,
            found=f"no column for rating {quoted(title)} of {quoted(ours.title)}",
            hint=f"The rating is included, without human grades.{did_you_mean(title, columns)}",
        )
    for title in [title for title in columns if title not in titles]:
        issues.warning(
            "rating-not-in-rubric",
            RUBRIC,
            found=f"no rating {quoted(title)} of {quoted(ours.title)}, but {path} has it",
            hint=f"The rating is included as the table defines it.{did_you_mean(title, titles)}",
        )
    ratings = [_merged_rating(ours.title, rating, columns.get(rating.title), path, issues) for rating in ours.ratings]
    ratings += [rating for rating in theirs.ratings if rating.title not in titles]
    description = _description(ours.description, theirs.description, quoted(ours.title), path, issues)
    return Criterion(title=ours.title, description=description, ratings=tuple(ratings))


def _merged_rating(criterion: str, ours: Rating, theirs: Rating | None, path: str, issues: IssueCollector) -> Rating:
    if theirs is None:
        return ours
    what = f"rating {quoted(ours.title)} of {quoted(criterion)}"
    if ours.marks is not None and theirs.marks is not None and ours.marks != theirs.marks:
        issues.error(
            "marks-differ",
            path,
            line=5,
            found=f"{theirs.marks:g} marks for {what}",
            expected=f"{ours.marks:g} marks, as in {RUBRIC}",
            hint="Correct the marks in one of the files, or remove them there.",
        )
    return Rating(
        title=ours.title,
        description=_description(ours.description, theirs.description, what, path, issues),
        marks=theirs.marks if ours.marks is None else ours.marks,
    )


def _description(ours: str, theirs: str, what: str, path: str, issues: IssueCollector) -> str:
    if ours and theirs and ours.split() != theirs.split():
        issues.warning(
            "descriptions-differ",
            path,
            found=f"a different description of {what}",
            expected=f"the description in {RUBRIC}",
            hint=f"The description in {RUBRIC} is used; correct one of them.",
        )
    return ours or theirs


def _check_ratings(criterion: Criterion, issues: IssueCollector) -> None:
    count = len(criterion.ratings)
    if not MIN_RATINGS <= count <= MAX_RATINGS:
        issues.error(
            "rating-count",
            RUBRIC,
            found=f"{count} ratings for {quoted(criterion.title)}",
            expected=f"{MIN_RATINGS} to {MAX_RATINGS} ratings",
        )
    if criterion.max_marks is None and any(rating.marks is not None for rating in criterion.ratings):
        issues.warning("marks-missing", RUBRIC, found=f"marks for only some ratings of {quoted(criterion.title)}")
