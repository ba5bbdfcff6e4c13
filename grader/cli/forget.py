"""`grader forget`: a student's work, gone from the store and from exports."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def forget(
    student: Annotated[str | None, typer.Argument(help="The student's id, as it came with the work.")] = None,
    course: Annotated[str | None, typer.Option(help="Only this course; all courses without it.")] = None,
    export: Annotated[list[Path] | None, typer.Option(help="A folder or file that grader wrote. Repeatable.")] = None,
    older_than: Annotated[float | None, typer.Option(min=0, help="Days: who of --course had no grade since.")] = None,
) -> None:
    """Deletes who a student is and all that is kept of their work; the audit log still verifies.

    Example: [bold]grader forget s123 --course cs101 --export regraded/lab08[/]

    At the end of a term: [bold]grader forget --older-than 400 --course cs101[/]
    """
    from grader.forgetting import forget_old, forget_student

    if (student is None) == (older_than is None) or (older_than is not None and (course is None or export)):
        raise typer.BadParameter("Give a STUDENT, or --older-than DAYS with --course and without --export.")
    if student is not None:
        lines = forget_student(student, course, export or [])
    else:
        lines = forget_old(older_than or 0, course or "")
    Console().print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
