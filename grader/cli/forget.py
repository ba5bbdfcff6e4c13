"""`grader forget`: a student's work, gone from the store, from exports and from data sets."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def forget(
    student: Annotated[str | None, typer.Argument(help="The student's id, as it came with the work.")] = None,
    course: Annotated[str | None, typer.Option(help="Only this course; all courses without it.")] = None,
    export: Annotated[
        list[Path] | None, typer.Option(help="A folder or file that the store does not know of. Repeatable.")
    ] = None,
    data: Annotated[list[Path] | None, typer.Option(help="A data set's or a run's folder. Repeatable.")] = None,
    older_than: Annotated[str | None, typer.Option(help="400d, 18m, 2y: who of --course had no grade since.")] = None,
) -> None:
    """Deletes who a student is and all that is kept of their work; the audit log still verifies.

    Example: [bold]grader forget s123 --course cs101 --data data[/]

    Every night, from cron: [bold]grader forget --older-than 2y --course cs101[/]
    """
    from grader.forgetting import forget_old, forget_student, in_days

    if (student is None) == (older_than is None) or (older_than is not None and course is None):
        raise typer.BadParameter("Give a STUDENT, or --older-than with --course.")
    if student is not None:
        lines = forget_student(student, course, export or [], data or [])
    else:
        try:
            days = in_days(older_than or "")
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        lines = forget_old(days, course or "", export or [], data or [])
    Console().print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
