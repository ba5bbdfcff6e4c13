"""Brings the rubric of `rubrics.json` and the one in the ratings table's header together. Knows no students.

What only one of them has is kept, with a warning; where both speak, `rubrics.json` wins, but marks must agree.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from labs_schema.errors import IssueCollector, quoted
from labs_schema.models import Criterion, Rating
from labs_schema.reading.ratings_csv import RatingsTable

RUBRIC, FEWEST, MOST = "rubrics.json", 2, 26


def table_criteria(table: RatingsTable) -> tuple[Criterion, ...]:
    """The rubric as the table's header gives it, in the order of its columns."""
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
    """The lab's criteria: those of `rubric` in its order, then those that only the table has. None: no such file."""
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
                expected="the criteria of rubrics.json",
                hint=f"It is kept, without grades by TAs.{_near(title, in_table)}",
            )
    for title in in_table:
        if title not in in_rubric:
            issues.warning(
                "criterion-not-in-rubric",
                RUBRIC,
                found=f"no criterion {quoted(title)}, which {path} has",
                expected="the criteria of the table",
                hint=f"It is kept as the table describes it.{_near(title, in_rubric)}",
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
            expected="the ratings of rubrics.json",
            hint=f"It is kept; no TA can have given it.{_near(title, columns)}",
        )
    for title in [title for title in columns if title not in titles]:
        issues.warning(
            "rating-not-in-rubric",
            RUBRIC,
            found=f"no rating {quoted(title)} in {quoted(ours.title)}, which {path} has",
            expected="the ratings of the table",
            hint=f"It is kept as the table describes it.{_near(title, titles)}",
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
            found=f"{theirs.marks:g} marks for {what}, {ours.marks:g} in rubrics.json",
            expected="the same marks in both files",
            hint="Put the right marks into both, or leave them out of one.",
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
            found=f"another description of {what} than in rubrics.json",
            expected="the same words",
            hint="The one of rubrics.json is used.",
        )
    return ours or theirs


def _check_ratings(criterion: Criterion, issues: IssueCollector) -> None:
    count = len(criterion.ratings)
    if not FEWEST <= count <= MOST:
        issues.error(
            "rating-count",
            RUBRIC,
            found=f"{count} ratings for {quoted(criterion.title)}",
            expected=f"{FEWEST} to {MOST}",
            hint="Add the missing level, such as one for work that does not meet the criterion, or join some.",
        )
    if criterion.max_marks is None and any(rating.marks is not None for rating in criterion.ratings):
        issues.warning(
            "marks-missing",
            RUBRIC,
            found=f"marks for some ratings of {quoted(criterion.title)} only",
            expected="marks for all of them or for none",
            hint="The criterion counts as one without marks; fill them in.",
        )


def _near(title: str, others: Iterable[str]) -> str:
    near = get_close_matches(title, list(others), n=1)
    return f" Is it {quoted(near[0])}?" if near else ""
