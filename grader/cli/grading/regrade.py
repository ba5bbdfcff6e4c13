"""`grader regrade`: grades whole labs and compares with their TAs."""

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.options import CourseName, Engine, Model, Orders, PricePerHour, Reasoning
from grader.terminal import show

Labs = Annotated[list[Path], typer.Argument(metavar="LAB", help="Lab folders, such as all labs of a course.")]
Out = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Output folder, created if missing. Not needed with --dry-run."),
]
Again = Annotated[bool, typer.Option("--again", help="Regrade even if the job is finished.")]
Cluster = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Grade on a Ray cluster: local, or ray://HOST:10001."),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Workers on the cluster, each with a model. Default: one per GPU, or 2 without GPUs."),
]
Diff = Annotated[
    bool,
    typer.Option(
        "--diff", help="Only show the changes that this model would make to the current ratings. Stores nothing."
    ),
]
Propose = Annotated[
    bool,
    typer.Option(
        "--propose", help="Like --diff, but store the changes as a proposal that a TA can use on the lab's pages."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only estimate the cost. Loads no weights.")]


def regrade(
    labs: Labs,
    model: Model,
    out: Out = None,
    course: CourseName = None,
    again: Again = False,
    engine: Engine = "auto",
    orders: Orders = None,
    reasoning: Reasoning = False,
    cluster: Cluster = None,
    workers: Workers = None,
    diff: Diff = False,
    propose: Propose = False,
    dry_run: DryRun = False,
    price_per_hour: PricePerHour = None,
) -> None:
    """Grades every submission of a lab and compares the grades with those of the TAs.

    Example: [bold]grader regrade labs/square --model runs/latest --out regraded/square[/]

    The store named by GRADER_STORE holds the grades. If interrupted, rerun the same command to resume. A finished job
    only writes its results again. A different model, rubric or program starts a new job.

    Results: marks.csv, grades.jsonl, rubric_ratings.csv, rubric_comments.csv, summary.json and cost.json, in one folder
    per lab if there are several labs.

    Cost estimate: [bold]grader regrade labs/square --model runs/latest --dry-run --price-per-hour 2.50[/]

    Before you switch to a retrained model: [bold]grader regrade labs/square --model runs/latest --diff[/]; with
    [bold]--propose[/] the lab's pages show the changes too, and a TA can use them.

    On several machines: [bold]grader regrade labs/square --model runs/latest --out regraded/square --cluster local[/]

    Exit status: 0 also if some submissions failed, which the result counts; 1 for an error, 2 for wrong options.
    """
    from grader.regrade.cost import cost_table, expected_cost
    from grader.regrade.regrade import RegradeOptions, regrade_labs
    from labs_schema.files.full_disk import reporting_full_disk
    from labs_schema.reading.lab_folders import is_allowed_among_labs

    labs = [lab for lab in labs if lab.is_dir() or not is_allowed_among_labs(lab.name)]
    if dry_run:
        costs = {
            lab.name: expected_cost(lab, model, out=out, orders=orders, price_per_hour=price_per_hour) for lab in labs
        }
        show(costs, *(cost_table(cost, f"{name}, nothing graded yet") for name, cost in costs.items()))
        return
    if diff or propose:
        from grader.regrade.diff import diff_labs
        from grader.regrade.regrade import course_of
        from serving.model.loading import GraderOptions

        courses = [course or course_of(lab) for lab in labs]
        found = diff_labs(labs, model, courses, GraderOptions(engine=engine, orders=orders), propose=propose)
        show(found, *(each.shown() for each in found))
        return
    if out is None:
        raise typer.BadParameter("name an output folder", param_hint="--out")
    options = RegradeOptions(
        course=course,
        again=again,
        engine=engine,
        orders=orders,
        reasoning=reasoning,
        price_per_hour=price_per_hour,
        cluster=cluster,
        workers=workers,
    )
    with reporting_full_disk(out, "run the same command again: it resumes."):
        report = regrade_labs(labs, model, out, options)
    show(report, report.shown())
