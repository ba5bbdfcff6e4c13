"""`grader worker`: a process that works on regrade jobs."""

from typing import Annotated

import typer

from grader.cli.options import CourseLabs, CourseModel, CourseName, Engine, LoadedModels, Orders, configured


def worker(
    model: CourseModel = None,
    labs: CourseLabs = None,
    course: CourseName = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Unique worker name, stable across restarts. Default: the host name."),
    ] = None,
    engine: Engine = "auto",
    orders: Orders = None,
    models: LoadedModels = None,
) -> None:
    """Processes the regrade jobs of the store.

    The store is named by GRADER_STORE. With PostgreSQL, several workers share the jobs.

    Example: [bold]grader worker --model runs/latest --labs labs --name gpu-1[/]
    """
    from grader.service.engine import ModelOptions
    from grader.service.worker import run_worker

    model, labs, course = configured(model, labs, course)
    options = ModelOptions(model=model, labs=labs, course=course, engine=engine, orders=orders, models=models)
    run_worker(options, name)
