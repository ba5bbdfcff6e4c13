"""`grader courses`: registers the model of each course."""

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.help import HelpCommand, HelpGroup
from grader.terminal import notes, show

courses = typer.Typer(
    name="courses", cls=HelpGroup, no_args_is_help=True, help="Registers the model of each course, for 'grader serve'."
)
Course = Annotated[str, typer.Argument(metavar="COURSE", help="Course name, as in its API keys.")]
Model = Annotated[Path, typer.Option("--model", metavar="FOLDER", help="Run folder, or weights from 'grader merge'.")]
Labs = Annotated[
    Path | None,
    typer.Option("--labs", metavar="FOLDER", help="Folder with the course's labs. Default: the one registered before."),
]


@courses.command(cls=HelpCommand)
def add(course: Course, model: Model, labs: Labs = None) -> None:
    """Registers a course's model, replacing the current one.

    The next request uses it. A model whose tokenizer, prompts or base model differ from its manifest is rejected. The
    registration records the hashes of weights, tokenizer, prompts and calibration: register again after
    [bold]grader train[/], [bold]merge[/] or [bold]calibrate[/].

    Example: [bold]grader courses add cs101 --model runs/latest --labs labs[/]
    """
    from grader.service.courses import add_course, describe

    registration, hints = add_course(course, model, labs)
    show(registration, *describe(registration), *hints)


@courses.command(cls=HelpCommand)
def remove(course: Course) -> None:
    """Stops serving a course.

    The next request is rejected. The course's grades and keys are retained.

    Example: [bold]grader courses remove cs101[/]
    """
    from grader.service.local_store import cli_actor, local_store
    from serving.courses.course_registry import CourseRegistry

    with local_store() as store:
        CourseRegistry(store.database).remove(course, actor=cli_actor())
    show({"course": course, "served": False}, f"{course} is no longer served")


@courses.command("list", cls=HelpCommand)
def list_courses() -> None:
    """Lists the courses with their models and labs.

    Example: [bold]grader courses list[/]
    """
    from grader.service.courses import describe, registered_courses

    found = registered_courses()
    if not found:
        notes().print("No courses yet. Register one with grader courses add.")
    show(found, *(line for each in found for line in describe(each)))
