"""`grader serve`: the HTTP service."""

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.engine_option import Engine


def serve(
    model: Annotated[
        str | None,
        typer.Option(help="A run folder, a model folder or a hub id, for one course; all registered ones without it."),
    ] = None,
    labs: Annotated[Path | None, typer.Option(help="A folder of labs that requests may name.")] = None,
    course: Annotated[str | None, typer.Option(help="Whose labs they are; the folder's name by default.")] = None,
    host: Annotated[str, typer.Option(help="0.0.0.0 lets other machines in; then keys are needed.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    engine: Engine = "auto",
    orders: Annotated[
        int | None, typer.Option(min=1, help="Ask in N orders of the options and average; the model's own by default.")
    ] = None,
    queue: Annotated[int, typer.Option(min=1, help="How many submissions may wait; past it, 503.")] = 64,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that a request may wait for its grade.")] = 120.0,
    rate: Annotated[str, typer.Option(help="How often one key may call, such as 1000/minute; past it, 429.")] = (
        "50/second"
    ),
    models: Annotated[
        int | None, typer.Option(min=1, help="How many courses' models are open at a time: 2 on CPUs, 1 base on a GPU.")
    ] = None,
    jobs: Annotated[bool, typer.Option(help="Work on regrades too; without, leave them to grader worker.")] = True,
) -> None:
    """Serves POST /grade: a submission in, a rating for every criterion of the rubric out.

    Example: [bold]grader serve --model runs/latest --labs labs[/], then see http://127.0.0.1:8000/docs

    Several courses, each with its model: [bold]grader courses add cs101 --model runs/cs101 --labs labs/cs101[/] for
    each, then [bold]grader serve[/]. A request is of the course of its key. Courses may be added while it serves.

    Grades, jobs and keys are kept in the store that GRADER_STORE names. Logs are JSON lines without anybody's program.
    Ctrl-C, or SIGTERM, grades what waits and stops.
    """
    from grader.service.service import run_service

    run_service(
        model,
        labs,
        course=course,
        host=host,
        port=port,
        engine=engine,
        orders=orders,
        queue=queue,
        seconds=timeout,
        rate=rate,
        models=models,
        jobs=jobs,
    )
