"""`grader observer`: a process that runs checks for the service and its workers."""

from typing import Annotated

import typer

from grader.cli.options import CourseLabs, CourseName


def observer(
    labs: CourseLabs = None,
    course: CourseName = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Unique observer name, stable across restarts. Default: the host name."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Submissions to run in parallel. Default: one for each processor core.")
    ] = None,
) -> None:
    """Runs the checks of submissions that the service and its jobs grade.

    A submission without observations, to a lab with checks, waits in the store until an observer has built, run and
    tested it in a sandbox. Then it is graded with the outcomes. The service never runs students' programs. Without an
    observer, grades are given without evidence and go to human review as not-observed.

    GRADER_STORE sets the store. Without --labs, the labs of all registered courses are observed.

    Example: [bold]grader observer --labs labs --name observer-1[/]
    """
    from grader.observe.run_observer import run_observer
    from labs_schema.settings import Settings

    settings = Settings()
    if labs is None and settings.model:
        labs, course = settings.labs, course or settings.course
    run_observer(labs, course, name, workers)
