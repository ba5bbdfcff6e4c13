"""`rubric_ratings.<rater>.csv`: what one TA gave, beside the grade in force. It never changes the rubric.

Knows no files. Only ratings are read from it: words in a cell mark the rating as given, and are not kept.
"""

from collections.abc import Iterable, Mapping, Sequence, Set

from labs_schema.errors import IssueCollector, quoted, quoted_list
from labs_schema.models import Criterion, HumanGrade
from labs_schema.reading.human_grades import NOT_GIVEN, human_grades
from labs_schema.reading.ratings_csv import Column, RatingsTable
from labs_schema.reading.submission_checks import check_row
from labs_schema.reading.titles import rater_file


def rater_grades(
    criteria: Sequence[Criterion],
    tables: Mapping[str, RatingsTable],
    students: Set[str],
    issues: IssueCollector,
) -> tuple[HumanGrade, ...]:
    """The ratings of each rater's table, in the order of raters, rows, criteria. Rows without a mark are skipped.

    `students` are those with a submission.
    """
    grades: list[HumanGrade] = []
    for rater, table in tables.items():
        _check_columns(criteria, table, issues)
        _check_rows(rater, table, students, issues)
        marked = tuple(row for row in table.rows if any(row.cells[c.place] not in NOT_GIVEN for c in table.columns))
        found = human_grades(criteria, table._replace(rows=marked), None, issues)
        grades += [
            grade.model_copy(update={"rater": rater, "comment": None}) for grade in found if grade.rating is not None
        ]
    return tuple(grades)


def check_raters(
    in_force: Iterable[HumanGrade], others: Iterable[HumanGrade], path: str, issues: IssueCollector
) -> None:
    """Warns of a TA spelt in two ways, and of one whose own file says another rating than the row in force names."""
    own = {(grade.rater, grade.student, grade.criterion): grade.rating for grade in others}
    names: dict[str, set[str]] = {}
    for rater in [grade.rater for grade in in_force] + [rater for rater, _, _ in own]:
        if rater is not None:
            names.setdefault(rater.casefold(), set()).add(rater)
    for spelt in names.values():
        if len(spelt) > 1:
            issues.warning(
                "ta-spelling",
                path,
                found=f"one TA in {len(spelt)} spellings: {quoted_list(sorted(spelt))}",
                expected="one spelling a TA, in the table and in the names of files",
                hint="They count as different TAs; use one spelling.",
            )
    differ = [g for g in in_force if g.rating and own.get((g.rater, g.student, g.criterion), g.rating) != g.rating]
    for grade in differ:
        issues.warning(
            "rater-differs",
            path,
            found=f"{quoted(grade.rating or '')} of {quoted(grade.criterion)} for {quoted(grade.student)}",
            expected=f"what {rater_file(quoted(grade.rater or ''))} says",
            hint="The table stays in force, the TA's own file counts as the TA's rating.",
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
                found=f"a column for {_named(column)}, which the rubric does not have",
                expected="criteria and ratings of the rubric",
                hint="Correct its titles; to change the rubric, change rubrics.json and rubric_ratings.csv.",
            )
        elif None not in (rating.marks, column.marks) and rating.marks != column.marks:
            issues.error(
                "marks-differ",
                table.path,
                line=5,
                found=f"{column.marks:g} marks for {_named(column)}, {rating.marks:g} in the rubric",
                expected="the rubric's marks, or empty cells",
                hint="Put the right marks into both, or leave them out here.",
            )


def _named(column: Column) -> str:
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
                expected=f"{quoted(rater)}, whose file this is",
                hint="The file's name counts; move the row into the other TA's file if it is theirs.",
            )
