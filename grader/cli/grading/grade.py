"""`grader grade`: grades one program."""

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.options import Engine, Model, Orders, Reasoning
from grader.terminal import notes, show

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE", help="One program: its source files, its folder or an archive."),
]
Lab = Annotated[Path, typer.Option(metavar="FOLDER", help="Lab folder with the problem statement and the rubric.")]


def grade(
    files: Files,
    lab: Lab,
    model: Model,
    engine: Engine = "auto",
    reasoning: Reasoning = False,
    orders: Orders = None,
) -> None:
    """Grades one program with a lab's rubric.

    Prints the rating, probability, marks and status of every criterion. It does not run the lab's checks: in a lab that
    has some, the grade goes to human review as not-observed. [bold]grader observe[/] and [bold]grader regrade[/] use
    them.

    Example: [bold]grader grade main.cpp list.cpp --lab labs/queue --model runs/latest[/]
    """
    from grader.tables.grade import grade_table
    from labs_schema.checks.reading import mark_unobserved
    from labs_schema.reading.validate import load_rubric
    from labs_schema.submissions.adhoc_submission import read_adhoc_submission
    from serving.model.loading import GraderOptions, load_grader
    from serving.scoring.triage import ReviewCode, review_code

    rubric, screen = load_rubric(lab), notes()
    submission, warnings = read_adhoc_submission(
        files, rubric.language, rubric.roster, rubric.criteria, rubric.encoding
    )
    for warning in warnings:
        screen.print(str(warning), markup=False)
    with screen.status("Loading the model"):
        grader = load_grader(model, GraderOptions(engine=engine, orders=orders))
    [graded] = grader.grade(rubric, mark_unobserved([submission], lab), reasoning=reasoning)
    grader.close()
    show(graded, grade_table(graded, rubric.criteria))
    reasons = (reason for each in graded.criteria for reason in each.review_reasons)
    if any(review_code(reason) is ReviewCode.NOT_CALIBRATED for reason in reasons):
        advice = f"To auto-accept confident grades: grader calibrate {model} --parent-dir {lab.resolve().parent}"
        screen.print(advice, markup=False)
