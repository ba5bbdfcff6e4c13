"""The tables of individual TAs, `rubric_ratings.<rater>.csv`: ratings in addition to the current grades.

They never change the rubric. Only ratings are read: a comment in a cell marks the rating and is not stored.
"""

from collections.abc import Iterable, Mapping, Sequence, Set

from labs_schema.errors import IssueCollector, did_you_mean, quoted, quoted_list
from labs_schema.models import Criterion, HumanGrade
from labs_schema.reading.ratings.human_grades import human_grades, is_rated
from labs_schema.reading.ratings.ratings_csv import Column, RatingsTable
from labs_schema.reading.ratings.table_checks import check_row
from labs_schema.rubrics.titles import rater_file


def rater_grades(
    criteria: Sequence[Criterion],
    tables: Mapping[str, RatingsTable],
    students: Set[str],
    issues: IssueCollector,
) -> tuple[HumanGrade, ...]:
    """The ratings in `tables` (TA name -> table), ordered by TA, row and criterion. Rows without a mark are skipped.

    `students` are those with a submission.
    """
    grades: list[HumanGrade] = []
    for rater, table in tables.items():
        _check_columns(criteria, table, issues)
        _check_rows(rater, table, students, issues)
        marked = tuple(row for row in table.rows if is_rated(row, table.columns))
        found = human_grades(criteria, table._replace(rows=marked), None, issues)
        grades += [
            grade.model_copy(update={"rater": rater, "comment": None}) for grade in found if grade.rating is not None
        ]
    return tuple(grades)


def check_raters(
    current: Iterable[HumanGrade], by_rater: Iterable[HumanGrade], path: str, issues: IssueCollector
) -> None:
    """Warns if a TA's name is spelled differently, or if a TA's own table contradicts the `current` grades."""
    own = {(grade.rater, grade.student, grade.criterion): grade.rating for grade in by_rater}
    names: dict[str, set[str]] = {}
    for rater in [grade.rater for grade in current] + [rater for rater, _, _ in own]:
        if rater is not None:
            names.setdefault(rater.casefold(), set()).add(rater)
    for spellings in names.values():
        if len(spellings) > 1:
            found = f"{len(spellings)} spellings of a TA's name: {quoted_list(sorted(spellings))}"
            issues.warning("ta-spelling", path, found=found)
    differing = [g for g in current if g.rating and own.get((g.rater, g.student, g.criterion), g.rating) != g.rating]
    for grade in differing:
        rating = f"rating {quoted(grade.rating or '')} of {quoted(grade.criterion)}"
        found, expected = f"{rating} for student {quoted(grade.student)}", rater_file(quoted(grade.rater or ""))
        issues.warning("rater-differs", path, found=found, expected=f"the rating in {expected}")


def _check_columns(criteria: Sequence[Criterion], table: RatingsTable, issues: IssueCollector) -> None:
    known = {(criterion.title, rating.title): rating for criterion in criteria for rating in criterion.ratings}
    for column in table.columns:
        rating = known.get((column.criterion, column.rating))
        if rating is None:
            found = f"a column for {_describe(column)}, which is not in the rubric"
            suggestion = _similar_column(column, known)
            issues.error("rater-column", table.path, line=3, found=found, suggestion=suggestion)
        elif None not in (rating.marks, column.marks) and rating.marks != column.marks:
            found = f"{column.marks:g} marks for {_describe(column)}"
            expected = f"{rating.marks:g} marks, as in the rubric, or an empty cell"
            issues.error("marks-differ", table.path, line=5, found=found, expected=expected)


def _similar_column(column: Column, known: Iterable[tuple[str, str]]) -> str:
    """`did_you_mean` for the criterion or, if that exists, for the rating."""
    titles = {criterion for criterion, _ in known}
    if column.criterion not in titles:
        return did_you_mean(column.criterion, titles)
    return did_you_mean(column.rating, [rating for criterion, rating in known if criterion == column.criterion])


def _describe(column: Column) -> str:
    return f"rating {quoted(column.rating)} of {quoted(column.criterion)}"


def _check_rows(rater: str, table: RatingsTable, students: Set[str], issues: IssueCollector) -> None:
    for row in table.rows:
        check_row(row, students, table.path, issues)
        if row.ta not in (None, rater):
            found, expected = f"the TA {quoted(row.ta or '')}", f"{quoted(rater)}, as in the file name"
            issues.warning("ta-elsewhere", table.path, line=row.line, found=found, expected=expected)
