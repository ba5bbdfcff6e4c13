"""`grader regrade`: whole labs, and where the grader differs from their TAs."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grader.cli.engine_option import Engine

Orders = Annotated[
    int | None, typer.Option(min=1, help="Ask in N orders of the options and average; the model's own by default.")
]
Price = Annotated[float | None, typer.Option(min=0, help="Of the machine, in any currency; the cost is then shown.")]
Cluster = Annotated[
    str | None,
    typer.Option(metavar="WHERE", help="Grade in many processes by Ray: local, or a cluster's ray://HOST:10001."),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Models on the cluster. One for every GPU by default, or two without GPUs.")
]


def regrade(
    labs: Annotated[list[Path], typer.Argument(metavar="LAB...", help="A lab's folder, or those of a whole course.")],
    model: Annotated[str, typer.Option(help="A run folder, a model folder or a hub id.")],
    out: Annotated[
        Path | None, typer.Option(help="Where the grades go; made where it is missing. Only --dry-run needs none.")
    ] = None,
    course: Annotated[
        str | None, typer.Option(help="Whose students they are; the name of the labs' folder by default.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Grade once more what is finished.")] = False,
    engine: Engine = "auto",
    orders: Orders = None,
    reasoning: Annotated[bool, typer.Option("--reasoning", help="Have the model say why, too; takes longer.")] = False,
    cluster: Cluster = None,
    workers: Workers = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would cost; loads no weights.")] = False,
    price_per_hour: Price = None,
) -> None:
    """Grades every submission of a lab and compares the grades with those of the TAs.

    Example: [bold]grader regrade labs/square --model runs/latest --out regraded/square[/]

    The grades are kept in the store that GRADER_STORE names. Stopped or killed, the same command goes on where it was;
    finished, it writes the results again and grades nothing. Another model, rubric or program begins anew.

    The results: marks.csv, grades.jsonl, rubric_ratings.csv, rubric_comments.csv, summary.json and cost.json; of
    several labs, in a folder each.

    What will it cost? [bold]grader regrade labs/square --model runs/latest --dry-run --price-per-hour 2.50[/]

    On many machines: [bold]grader regrade labs/square --model runs/latest --out regraded/square --cluster local[/]
    """
    from grader.regrade.cost import cost_table, expected_cost
    from grader.regrade.regrade import regrade_labs
    from labs_schema.reading.lab_folders import may_lie_beside_labs

    labs = [lab for lab in labs if lab.is_dir() or not may_lie_beside_labs(lab.name)]
    if dry_run:
        for lab in labs:
            cost = expected_cost(lab, model, out=out, orders=orders, price_per_hour=price_per_hour)
            Console().print(cost_table(cost, f"{lab.name}, nothing graded yet"))
        return
    if out is None:
        raise typer.BadParameter("name a folder for the grades", param_hint="--out")
    shown = regrade_labs(
        labs,
        model,
        out,
        course=course,
        again=again,
        engine=engine,
        orders=orders,
        reasoning=reasoning,
        price_per_hour=price_per_hour,
        cluster=cluster,
        workers=workers,
    )
    Console().print(shown)
