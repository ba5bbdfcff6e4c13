"""`grader worker`: a process that works on regrades."""

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.engine_option import Engine


def worker(
    model: Annotated[
        str | None,
        typer.Option(help="A run folder, a model folder or a hub id, for one course; all registered ones without it."),
    ] = None,
    labs: Annotated[Path | None, typer.Option(help="With a model: the folder of labs that the jobs are of.")] = None,
    course: Annotated[str | None, typer.Option(help="Whose labs they are; the folder's name by default.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Its own among the workers of a store, the same after a restart; the host's.")
    ] = None,
    engine: Engine = "auto",
    orders: Annotated[
        int | None, typer.Option(min=1, help="Ask in N orders of the options and average; the model's own by default.")
    ] = None,
    models: Annotated[
        int | None, typer.Option(min=1, help="How many courses' models are open at a time: 2 on CPUs, 1 base on a GPU.")
    ] = None,
) -> None:
    """Works on the regrades in the store that GRADER_STORE names; several workers over PostgreSQL share them.

    Example: [bold]grader worker --model runs/latest --labs labs --name gpu-1[/]
    """
    from grader.service.worker import run_worker

    run_worker(model, labs, course=course, name=name, engine=engine, orders=orders, models=models)
