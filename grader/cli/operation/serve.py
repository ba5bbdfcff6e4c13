"""`grader serve`: runs the HTTP service."""

from typing import Annotated

import typer

from grader.cli.options import CourseLabs, CourseModel, CourseName, Engine, LoadedModels, Orders, configured


def serve(
    model: CourseModel = None,
    labs: CourseLabs = None,
    course: CourseName = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to bind. Binding to a public address requires API keys.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to bind; 0 picks a free one.")] = 8000,
    engine: Engine = "auto",
    orders: Orders = None,
    queue: Annotated[int, typer.Option(min=1, help="Queue capacity in submissions. Beyond it: 503.")] = 64,
    timeout: Annotated[float, typer.Option(min=0.1, help="Longest wait for a grade, in seconds.")] = 120.0,
    rate: Annotated[
        str,
        typer.Option(metavar="N/UNIT", help="Rate limit per key, as in 1000/minute. Beyond it: 429."),
    ] = "50/second",
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Let web pages of this site call the service from a browser (CORS). Repeatable; needs API keys.",
        ),
    ] = None,
    models: LoadedModels = None,
    label_model: Annotated[
        str,
        typer.Option(metavar="MODEL", help="Base model of the heads that learn from TAs' ratings on the pages."),
    ] = "smollm2-135m",
    jobs: Annotated[bool, typer.Option(help="Also process regrade jobs. Otherwise, a 'grader worker' must.")] = True,
) -> None:
    """Runs the HTTP service.

    POST /grade takes a submission and returns a rating for every criterion of the rubric.

    Example: [bold]grader serve --model runs/latest --labs labs[/], then open http://127.0.0.1:8000/docs

    Several courses, each with its own model: [bold]grader courses add cs101 --model runs/cs101 --labs labs/cs101[/]
    for each, then [bold]grader serve[/]. The API key determines the course. Courses can be added while it runs.

    The store named by GRADER_STORE holds grades, jobs and keys. The log has JSON lines without student code. Ctrl-C or
    SIGTERM drains the queue and exits. With --json the address is printed once the service is ready.
    """
    from grader.service.service import ServeOptions, run_service

    model, labs, course = configured(model, labs, course)
    options = ServeOptions(
        model=model,
        labs=labs,
        course=course,
        host=host,
        port=port,
        engine=engine,
        orders=orders,
        queue=queue,
        seconds=timeout,
        rate=rate,
        allow_origins=tuple(allow_origin or ()),
        models=models,
        jobs=jobs,
        label_model=label_model,
    )
    run_service(options)
