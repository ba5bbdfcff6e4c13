"""`grader demo`: one submission through the real service, start to end."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def demo(
    model: Annotated[str, typer.Option(help="A run folder, a model folder or a hub id.")],
    lab: Annotated[Path, typer.Option(help="The lab's folder; the labs beside it are served as well.")],
    student: Annotated[str, typer.Option(help="Whose submission is posted.")],
) -> None:
    """Starts the service, posts one real submission to POST /grade, prints the graded rubric and stops the service.

    Example: [bold]grader demo --model demo/runs/latest --lab labs/cpp_second_largest --student s112[/]
    """
    from grader.experiments.demo import show_one

    show_one(model, lab, student, Console())
