"""Merges the rubric in rubrics.json with the one in the header of the ratings table.

Titles that look the same are the same. If entries differ, rubrics.json takes precedence; differing marks are an error.
Entries in only one of the files are included, with a warning. If each file has an entry that the other does not have,
they may be one entry with two titles. That is an error, because its marks would be counted twice.
"""

import re
from collections.abc import Sequence

from labs_schema.errors import IssueCollector, did_you_mean, quoted
from labs_schema.models import Criterion, Rating, is_bonus_title
from labs_schema.reading.ratings.ratings_csv import RatingsTable
from labs_schema.rubrics.rubric_json import RUBRIC
from labs_schema.rubrics.titles import Titles, title_keys

MIN_RATINGS, MAX_RATINGS = 2, 26  # an option for each letter of the alphabet
_DATE = re.compile(
    r"\d{1,2}[-. ][^\W\d]{3,4}\.?(?:[-. ]\d{2,4})?|[^\W\d]{3,4}\.?-\d{1,4}"
    r"|\d{4}-\d\d-\d\d|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}"
)
_NUMBERING = re.compile(
    r"^\(?(?:[a-z]{1,8} ?)?\d{1,3}(?:\.\d{1,3})*[.):] ?(?=\D)|\s*[(\[][-+]?\d+(?:[.,]\d+)? ?[^\W\d]*\.?[)\]]$",
    re.IGNORECASE,
)
"""A number before a title (`1.`, `Q1:`) or points after it (`(2 pts)`), which one file may leave out."""
_DATE_HINT = (
    "A spreadsheet turned titles such as 1/2 into dates. Format the row as text and enter the titles of rubrics.json."
)


def table_criteria(table: RatingsTable) -> tuple[Criterion, ...]:
    """The rubric in the table's header, in the order of its columns."""
    ratings: dict[str, list[Rating]] = {}
    descriptions: dict[str, str] = {}
    for column in table.columns:
        rating = Rating(title=column.rating, description=column.rating_description, marks=column.marks)
        ratings.setdefault(column.criterion, []).append(rating)
        descriptions[column.criterion] = descriptions.get(column.criterion) or column.description
    return tuple(
        Criterion(
            title=title, description=descriptions[title], ratings=tuple(ratings[title]), bonus=is_bonus_title(title)
        )
        for title in ratings
    )


def aligned(table: RatingsTable, criteria: Sequence[Criterion]) -> RatingsTable:
    """The table with the titles of `criteria` instead of others that look the same."""
    titles = Titles(criterion.title for criterion in criteria)
    ratings = {each.title: Titles(rating.title for rating in each.ratings) for each in criteria}
    columns = []
    for column in table.columns:
        criterion = titles.find(column.criterion) or column.criterion
        rating = ratings[criterion].find(column.rating) if criterion in ratings else None
        columns.append(column._replace(criterion=criterion, rating=rating or column.rating))
    return table._replace(columns=tuple(columns))


def merge_rubrics(
    rubric: Sequence[Criterion] | None, table: RatingsTable | None, issues: IssueCollector
) -> tuple[Criterion, ...]:
    """The criteria of `rubric` in its order, then those that only the table has. None stands for a missing file.

    A criterion with a single rating gets a second one, `NOT_MET`.
    """
    in_table = {each.title: each for each in table_criteria(aligned(table, rubric or ()))} if table else {}
    if rubric is None or table is None:
        merged = tuple(rubric or in_table.values())
        if table and any(_DATE.fullmatch(rating.title) for each in merged for rating in each.ratings):
            issues.warning("date-title", table.path, line=3, found="a rating with a date as its title")
    else:
        in_rubric = {criterion.title: criterion for criterion in rubric}
        _one_file_only(in_rubric, in_table, table.path, issues)
        known = [_merged(criterion, in_table.get(criterion.title), table.path, issues) for criterion in rubric]
        merged = (*known, *(criterion for title, criterion in in_table.items() if title not in in_rubric))
    titles = [criterion.title for criterion in merged]
    return tuple(_checked(criterion, titles, issues) for criterion in merged)


def _one_file_only(
    in_rubric: dict[str, Criterion], in_table: dict[str, Criterion], path: str, issues: IssueCollector
) -> None:
    """Reports criteria of one file only: an error if they may be one criterion under two titles."""
    missing = [title for title in in_rubric if title not in in_table]
    more = {title: each for title, each in in_table.items() if title not in in_rubric}
    without_column = [*missing, *(title for title, each in in_table.items() if _lacks_column(in_rubric, each))]
    for title, criterion in more.items():
        twins = [each.title for each in in_rubric.values() if _is_twin(each, criterion)]
        candidates = twins or without_column
        if candidates:
            suggestion = did_you_mean(title, candidates) or f" Did you mean {quoted(candidates[0])}?"
            found = f"the criterion {quoted(title)}, which {RUBRIC} lacks"
            issues.error("criterion-twice", path, line=1, found=found, suggestion=suggestion)
        else:
            found = f"no criterion {quoted(title)}, but {path} has it"
            issues.warning("criterion-not-in-rubric", RUBRIC, found=found)
    for title in missing:
        found, suggestion = f"no column for the criterion {quoted(title)}", did_you_mean(title, more)
        issues.warning("criterion-without-column", path, line=1, found=found, suggestion=suggestion)


def _lacks_column(in_rubric: dict[str, Criterion], theirs: Criterion) -> bool:
    """Whether the table has a criterion of the rubric, but not a column for each of its ratings."""
    ours = in_rubric.get(theirs.title)
    columns = {rating.title for rating in theirs.ratings}
    return ours is not None and any(rating.title not in columns for rating in ours.ratings)


def _is_twin(ours: Criterion, theirs: Criterion) -> bool:
    """Whether two criteria with equal ratings are one: similar titles with equal numbers, or numbered in one file."""
    if {rating.title for rating in ours.ratings} != {rating.title for rating in theirs.ratings}:
        return False
    titles = (ours.title, theirs.title)
    plain = [_NUMBERING.sub("", title) for title in titles]
    numbered_once = any(a == b for a, b in zip(titles, plain, strict=True))
    if numbered_once and not set(title_keys(plain[0])).isdisjoint(title_keys(plain[1])):
        return True
    numbers = [re.findall(r"\d+", title) for title in titles]
    return bool(did_you_mean(ours.title, [theirs.title])) and numbers[0] == numbers[1]


def _merged(ours: Criterion, theirs: Criterion | None, path: str, issues: IssueCollector) -> Criterion:
    if theirs is None:
        return ours
    columns = {rating.title: rating for rating in theirs.ratings}
    titles = {rating.title for rating in ours.ratings}
    missing = [rating for rating in ours.ratings if rating.title not in columns]
    more = [rating for rating in theirs.ratings if rating.title not in titles]
    _check_renamed(ours.title, missing, more, path, issues)
    for rating in missing:
        found = f"no column for rating {quoted(rating.title)} of {quoted(ours.title)}"
        suggestion = did_you_mean(rating.title, columns)
        issues.warning("rating-without-column", path, line=3, found=found, suggestion=suggestion)
    for rating in more:
        found = f"no rating {quoted(rating.title)} of {quoted(ours.title)}, but {path} has it"
        issues.warning("rating-not-in-rubric", RUBRIC, found=found, suggestion=did_you_mean(rating.title, titles))
    ratings = [_merged_rating(ours.title, rating, columns.get(rating.title), path, issues) for rating in ours.ratings]
    description = _description(ours.description, theirs.description, quoted(ours.title), path, issues)
    return ours.model_copy(update={"description": description, "ratings": (*ratings, *more)})


def _check_renamed(
    criterion: str, missing: Sequence[Rating], more: Sequence[Rating], path: str, issues: IssueCollector
) -> None:
    """An error if each file has ratings that the other lacks: they may be the same ratings under other titles."""
    if not (missing and more):
        return
    date = next((rating.title for rating in more if _DATE.fullmatch(rating.title)), None)
    renamed = date or more[0].title
    titles = [rating.title for rating in missing]
    found = f"the rating {quoted(renamed)} of {quoted(criterion)}, which {RUBRIC} lacks"
    expected = f"the titles in {RUBRIC}, such as {quoted(titles[0])}"
    if date:
        issues.error("date-title", path, line=3, found=found, expected=expected, hint=_DATE_HINT)
    else:
        suggestion = did_you_mean(renamed, titles) or f" Did you mean {quoted(titles[0])}?"
        issues.error("rating-twice", path, line=3, found=found, expected=expected, suggestion=suggestion)


def _merged_rating(criterion: str, ours: Rating, theirs: Rating | None, path: str, issues: IssueCollector) -> Rating:
    if theirs is None:
        return ours
    what = f"rating {quoted(ours.title)} of {quoted(criterion)}"
    if ours.marks is not None and theirs.marks is not None and ours.marks != theirs.marks:
        found, expected = f"{theirs.marks:g} marks for {what}", f"{ours.marks:g} marks, as in {RUBRIC}"
        issues.error("marks-differ", path, line=5, found=found, expected=expected)
    return Rating(
        title=ours.title,
        description=_description(ours.description, theirs.description, what, path, issues),
        marks=theirs.marks if ours.marks is None else ours.marks,
    )


def _description(ours: str, theirs: str, what: str, path: str, issues: IssueCollector) -> str:
    if ours and theirs and ours.split() != theirs.split():
        issues.warning("descriptions-differ", path, found=f"a different description of {what}")
    return ours or theirs


def _checked(criterion: Criterion, titles: Sequence[str], issues: IssueCollector) -> Criterion:
    if len(criterion.ratings) == 1:
        found, suggestion = f"one rating for {quoted(criterion.title)}", did_you_mean(criterion.title, titles)
        issues.warning("single-rating", RUBRIC, found=found, suggestion=suggestion)
    criterion = criterion.with_implied_rating()
    count = len(criterion.ratings)
    if not MIN_RATINGS <= count <= MAX_RATINGS:
        issues.error("rating-count", RUBRIC, found=f"{count} ratings for {quoted(criterion.title)}")
    if criterion.max_marks is None and any(rating.marks is not None for rating in criterion.ratings):
        issues.warning("marks-missing", RUBRIC, found=f"marks for only some ratings of {quoted(criterion.title)}")
    return criterion
