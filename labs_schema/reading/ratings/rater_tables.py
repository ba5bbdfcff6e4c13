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
            issues.warning(
                "ta-spelling",
                path,
                found=f"{len(spellings)} spellings of a TA's name: {quoted_list(sorted(spellings))}",
            )
    differing = [g for g in current if g.rating and own.get((g.rater, g.student, g.criterion), g.rating) != g.rating]
    for grade in differing:
        issues.warning(
            "rater-differs",
            path,
            found=f"rating {quoted(grade.rating or '')} of {quoted(grade.criterion)} for student "
            f"{quoted(grade.student)}",
            expected=f"the rating in {rater_file(quoted(grade.rater or ''))}",
            hint=f"{path} stays the current grade, and the TA's own table counts as the TA's rating. "
            "Correct one of them.",
        )


def _check_columns(criteria: Sequence[Criterion], table: RatingsTable, issues: IssueCollector) -> None:
    known = {(criterion.title, rating.title): rating for criterion in criteria for rating in criterion.ratings}
    for column in table.columns:
        rating = known.get((column.criterion, column.rating))
        if rating is None:
            issues.error(
                "rater-column",
                table.path,
                line=3,
                found=f"a column for {_describe(column)}, which is not in the rubric",
                hint="Correct the titles. To extend the rubric, edit rubrics.json and rubric_ratings.csv."
                f"{_similar_column(column, known)}",
            )
        elif None not in (rating.marks, column.marks) and rating.marks != column.marks:
            issues.error(
                "marks-differ",
                table.path,
                line=5,
                found=f"{column.marks:g} marks for {_describe(column)}",
                expected=f"{rating.marks:g} marks as in the rubric, or an empty cell",
                hint="Correct the marks, or clear the cells of this row.",
            )


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
            issues.warning(
                "ta-elsewhere",
                table.path,
                line=row.line,
                found=f"the TA {quoted(row.ta or '')}",
                expected=f"{quoted(rater)}, as in the file name",
                hint=f"The row counts for {quoted(rater)}; move it to the other TA's table if it belongs there.",
            )
