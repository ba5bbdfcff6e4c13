"""`grader forget`: erases a student's data from the store, exports and datasets."""

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.options import OneCourse
from grader.terminal import show


def forget(
    student: Annotated[str | None, typer.Argument(metavar="STUDENT", help="Student id, as submitted.")] = None,
    course: OneCourse = None,
    export: Annotated[
        list[Path] | None, typer.Option(metavar="PATH", help="Exported folder or file. Repeatable.")
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option(metavar="FOLDER", help="Dataset or run folder. Repeatable.")
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(
            metavar="PERIOD",
            help="Students of --course without a grade in this period: 400d, 18m, 2y.",
        ),
    ] = None,
) -> None:
    """Erases a student's identity and all stored work.

    The audit log still verifies. The command lists what it cannot reach.

    Example: [bold]grader forget s123 --course cs101 --data data[/]

    Every night, from cron: [bold]grader forget --older-than 2y --course cs101[/]
    """
    from grader.forgetting import Scope, forget_inactive, forget_student, in_days

    if (student is None) == (older_than is None) or (older_than is not None and course is None):
        raise typer.BadParameter("Pass a STUDENT, or --older-than with --course.")
    scope = Scope(course=course, exports=tuple(export or ()), data=tuple(data or ()))
    if student is not None:
        erased = forget_student(student, scope)
    else:
        try:
            days = in_days(older_than or "")
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        erased = forget_inactive(days, course or "", scope)
    summary = f"{erased.students} students forgotten (once per course), with {erased.records} records."
    show(erased, summary, *erased.notes)
