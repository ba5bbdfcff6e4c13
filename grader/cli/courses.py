"""`grader courses`: which model each course uses."""

from pathlib import Path
from typing import Annotated

import typer

courses = typer.Typer(no_args_is_help=True, help="Which model each course uses; grader serve serves them all.")
Course = Annotated[str, typer.Argument(help="The course's name, as in its keys.")]


@courses.command()
def add(
    course: Course,
    model: Annotated[Path, typer.Option(help="A run folder, or the weights that grader merge wrote.")],
    labs: Annotated[
        Path | None, typer.Option(help="The folder of the course's labs; the one it had by default.")
    ] = None,
) -> None:
    """Checks the model and lets the course use it from the next request on, in place of the one before.

    Refused is a model whose tokenizer, prompts or base are not those of its manifest. Its weights, tokenizer, prompts
    and calibration are noted: after grader train, merge or calibrate, add it again.

    Example: [bold]grader courses add cs101 --model runs/latest --labs labs[/]
    """
    from grader.service.course_registration import add_course

    for line in add_course(course, model, labs):
        typer.echo(line)


@courses.command()
def remove(course: Course) -> None:
    """From the next request on the course is refused. What it graded stays, and its keys.

    Example: [bold]grader courses remove cs101[/]
    """
    from grader.service.local_store import at_terminal, local_store
    from serving.courses.course_registry import CourseRegistry

    with local_store() as store:
        CourseRegistry(store.database).remove(course, actor=at_terminal())
    typer.echo(f"{course} has no model any more")


@courses.command("list")
def list_courses() -> None:
    """Lists the courses with their models and labs.

    Example: [bold]grader courses list[/]
    """
    from grader.service.course_registration import course_lines

    lines = course_lines()
    if not lines:
        typer.echo("no courses yet; grader courses add registers one", err=True)
    for line in lines:
        typer.echo(line)
