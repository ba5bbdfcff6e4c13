"""A grade as a table for the terminal. Text from labs and students is printed literally, never as markup."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from grader.terminal import printable
from labs_schema.grades import CriterionGrade, Grade, Status
from labs_schema.models import Criterion


def grade_table(grade: Grade, criteria: Sequence[Criterion]) -> Table:
    """One row per criterion, and the total: a range if a criterion is ungraded. `criteria` are the lab's, in order."""
    table = Table(
        title=Text(printable(f"{grade.lab}  {grade.student}").strip()), show_footer=True, title_justify="left"
    )
    table.box = SIMPLE_HEAD
    table.add_column("Criterion", footer="Total", ratio=3)
    table.add_column("Rating", ratio=4)
    table.add_column("Prob.", justify="right")
    table.add_column("Marks", justify="right", no_wrap=True, footer=total(grade))
    table.add_column("Status")
    for criterion, answer in zip(criteria, grade.criteria, strict=True):
        table.add_row(
            Text(printable(criterion.title)), rating(criterion, answer), share(answer), marks(answer), status(answer)
        )
    return table


def total(grade: Grade) -> str:
    """`3 / 5`, `1-3 / 5` over an ungraded criterion, or empty without marks."""
    reached, highest = grade.marks_range, grade.max_marks
    if reached is None or highest is None:
        return ""
    low, high = reached
    return f"{low:g} / {highest:g}" if low == high else f"{low:g}-{high:g} / {highest:g}"


def rating(criterion: Criterion, answer: CriterionGrade) -> Text:
    if answer.rating is None:
        return Text(f"ungraded: {printable(answer.ungraded or '')}", style="red")
    given = Text(printable(answer.rating), style="bold")
    description = criterion.rating(answer.rating).description
    if description and description != answer.rating:
        given.append(f"  {printable(description)}", style="not bold")
    if answer.evidence:
        given.append(f"\n{printable('; '.join(map(str, answer.evidence)))}", style="not bold dim")
    if answer.reasoning:
        given.append(f"\n{printable(answer.reasoning)}", style="not bold italic")
    return given


def share(answer: CriterionGrade) -> str:
    if answer.decided:
        return "decided"
    return "" if answer.confidence is None else f"{answer.confidence:.2f}"


def marks(answer: CriterionGrade) -> str:
    if answer.max_marks is None:
        return ""
    return f"{'?' if answer.marks is None else f'{answer.marks:g}'} / {answer.max_marks:g}"


def status(answer: CriterionGrade) -> Text:
    if answer.status == Status.ACCEPTED:
        return Text("accepted", style="green")
    return Text("\n".join(("needs review", *map(printable, answer.review_reasons))), style="yellow")
