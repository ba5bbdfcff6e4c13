"""`grader grade`: one program, graded on the spot."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grader.cli.engine_option import Engine

Files = Annotated[list[Path], typer.Argument(help="The program: its files, folder or archive. All are one submission.")]
LabFolder = Annotated[Path, typer.Option("--lab", help="The lab's folder, with its problem statement and rubric.")]
Model = Annotated[str, typer.Option(help="A run folder, merged weights, a model's folder or a hub id.")]
Reasoning = Annotated[bool, typer.Option("--reasoning", help="Ask for the model's reasons too; they change no rating.")]
Orders = Annotated[
    int | None, typer.Option(min=1, help="Ask in N orders of the options and average; the model's own by default.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the grade as JSON, for other programs.")]


def grade(
    files: Files,
    lab: LabFolder,
    model: Model,
    engine: Engine = "auto",
    reasoning: Reasoning = False,
    orders: Orders = None,
    as_json: AsJson = False,
) -> None:
    """Grades one program by a lab's rubric: every criterion with its rating, probability, marks and status.

    Example: [bold]grader grade main.cpp list.cpp --lab labs/queue --model runs/latest[/]
    """
    from grader.tables.grade import grade_table
    from labs_schema.reading.validate import load_rubric
    from labs_schema.submissions.adhoc_submission import read_handed_in
    from serving.model.loading import GraderOptions, load_grader
    from serving.scoring.triage import UNCALIBRATED

    rubric, notes = load_rubric(lab), Console(stderr=True)
    submission, warnings = read_handed_in(files, rubric.language, rubric.roster)
    for warning in warnings:
        notes.print(str(warning), markup=False, highlight=False, soft_wrap=True)
    with notes.status("Loading the model"):
        grader = load_grader(model, GraderOptions(engine=engine, orders=orders))
    [graded] = grader.grade(rubric, [submission], reasoning=reasoning)
    grader.close()
    if as_json:
        typer.echo(graded.model_dump_json(indent=2))
    else:
        Console().print(grade_table(graded, rubric.criteria))
        if any(UNCALIBRATED in each.review_reasons for each in graded.criteria):
            advice = f"From where on may it decide alone? grader calibrate {model} --parent-dir {lab.resolve().parent}"
            notes.print(advice, markup=False, highlight=False, soft_wrap=True)
