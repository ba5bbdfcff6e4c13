"""The `grader` command. One file a command; heavy libraries are imported only when a command that needs them runs."""

import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from grader.cli.attack import attack
from grader.cli.audit import audit
from grader.cli.build_dataset import build_dataset
from grader.cli.calibrate import calibrate
from grader.cli.check import check
from grader.cli.courses import courses
from grader.cli.demo import demo
from grader.cli.evaluate import evaluate
from grader.cli.flowing_help import FlowingHelp
from grader.cli.forget import forget
from grader.cli.grade import grade
from grader.cli.init_model import init_model
from grader.cli.keys import keys
from grader.cli.merge import merge
from grader.cli.regrade import regrade
from grader.cli.replay import replay
from grader.cli.robustness import robustness
from grader.cli.serve import serve
from grader.cli.spaced_values import SpacedValues
from grader.cli.suspects import suspects
from grader.cli.train import train
from grader.cli.worker import worker
from labs_schema.errors import GraderError, InputError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Grades programs criterion by criterion as the TAs of your course do, and says what a person should look at.",
)


def told_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"grader {version('grader')}")
        raise typer.Exit


@app.callback()
def root(version: Annotated[bool, typer.Option("--version", callback=told_version, is_eager=True)] = False) -> None: ...


app.command()(check)
app.command(cls=SpacedValues)(build_dataset)
app.command()(init_model)
app.command()(train)
app.command()(merge)
app.command()(grade)
app.command()(serve)
app.command()(worker)
app.command()(regrade)
app.command()(calibrate)
app.command()(evaluate)
app.command()(attack)
app.command()(suspects)
app.command()(robustness)
app.add_typer(courses, name="courses")
app.add_typer(keys, name="keys")
app.add_typer(audit, name="audit")
app.command()(replay)
app.command()(forget)
app.command()(demo)

for group in (app, courses, keys, audit):
    for command in group.registered_commands:
        if command.cls is not SpacedValues:
            command.cls = FlowingHelp


def main() -> None:
    """Runs the command; a mendable error is shown as its text, without a traceback, with exit status 1.

    An OSError is one: a disk that is full, a folder that may not be written, a file where a folder should be.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads: spinning threads cost 4x on a busy CPU
    try:
        app()
    except (GraderError, OSError) as error:
        said = "" if isinstance(error, InputError) else "[bold red]error[/] "
        Console(stderr=True).print(said + escape(str(error)), highlight=False, soft_wrap=True)
        sys.exit(1)
