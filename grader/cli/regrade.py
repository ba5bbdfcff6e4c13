"""`grader regrade`: a whole lab, and where the grader differs from its TAs."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from serving.engines.engine_choice import EngineName


def regrade(
    lab: Annotated[Path, typer.Argument(help="The lab's folder.")],
    model: Annotated[str, typer.Option(help="A run folder, a model folder or a hub id.")],
    out: Annotated[Path, typer.Option(help="Where the grades go; made where it is missing.")],
    engine: Annotated[EngineName, typer.Option(help="auto: vLLM where it is installed.")] = "auto",
) -> None:
    """Grades every submission of a lab and compares the grades with those of the TAs.

    Example: [bold]grader regrade labs/square --model runs/latest --out regraded/square[/]

    Writes grades.jsonl, rubric_ratings.csv, rubric_comments.csv and summary.json. Stopped or killed, it goes on where
    it was when it is run again.
    """
    from grader.regrading import regrade_lab

    Console().print(regrade_lab(lab, model, out, engine=engine))
