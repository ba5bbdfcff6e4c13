"""`grader demo`: one submission through the real service."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grader.cli.options import Model
from grader.terminal import show


def demo(
    model: Model,
    lab: Annotated[Path, typer.Option(metavar="FOLDER", help="Lab folder. The labs next to it are served, too.")],
    student: Annotated[str, typer.Option(metavar="ID", help="Student whose submission is graded.")],
) -> None:
    """Grades one submission through the real service.

    Starts the service, sends the submission to POST /grade, prints the grade and stops the service.

    Example: [bold]grader demo --model demo/runs/latest --lab labs/cpp_second_largest --student s112[/]
    """
    from grader.experiments.demo import show_one

    show(show_one(model, lab, student, Console()))
