"""The `grader` command. One file per command, one folder per panel of `grader --help`.

Heavy libraries are imported when a command runs.
"""

import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from grader.cli.data.build_dataset import SpacedValues, build_dataset
from grader.cli.data.check import check
from grader.cli.data.import_lab import import_
from grader.cli.data.import_observations import import_observations
from grader.cli.data.init_checks import init_checks
from grader.cli.data.observe import observe
from grader.cli.data.suspects import suspects
from grader.cli.grading.demo import demo
from grader.cli.grading.export import export
from grader.cli.grading.generate import generate
from grader.cli.grading.grade import grade
from grader.cli.grading.label import label
from grader.cli.grading.regrade import regrade
from grader.cli.grading.replay import replay
from grader.cli.help import DATA, GRADING, OPERATION, PLATFORMS, TRAINING, TRUST, HelpCommand, HelpGroup
from grader.cli.operation.audit import audit
from grader.cli.operation.courses import courses
from grader.cli.operation.doctor import doctor
from grader.cli.operation.forget import forget
from grader.cli.operation.init import init
from grader.cli.operation.keys import keys
from grader.cli.operation.observer import observer
from grader.cli.operation.serve import serve
from grader.cli.operation.worker import worker
from grader.cli.platforms.lti import lti
from grader.cli.platforms.send import send
from grader.cli.platforms.webhooks import webhooks
from grader.cli.training.merge import merge
from grader.cli.training.model import model
from grader.cli.training.train import train
from grader.cli.trust.attack import attack
from grader.cli.trust.calibrate import calibrate
from grader.cli.trust.evaluate import evaluate
from grader.cli.trust.robustness import robustness
from grader.configuration import load_config
from grader.terminal import show_error
from labs_schema.errors import GraderError, InputError
from labs_schema.files.full_disk import is_full_disk

app = typer.Typer(
    cls=HelpGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Grades programs criterion by criterion as the TAs of your course do, and flags what needs human review.",
)
PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    DATA: (check, import_, init_checks, observe, import_observations, build_dataset, suspects),
    TRAINING: (train, merge),
    GRADING: (grade, generate, label, regrade, export, replay, demo),
    TRUST: (evaluate, calibrate, attack, robustness),
    OPERATION: (init, doctor, serve, worker, observer, forget),
    PLATFORMS: (send,),
}
for panel, functions in PANELS.items():
    for function in functions:
        command_class = SpacedValues if function is build_dataset else HelpCommand
        name = function.__name__.strip("_").replace("_", "-")  # `import` is a keyword
        app.command(name, cls=command_class, rich_help_panel=panel)(function)
for group, panel in (
    (model, TRAINING),
    (courses, OPERATION),
    (keys, OPERATION),
    (audit, OPERATION),
    (lti, PLATFORMS),
    (webhooks, PLATFORMS),
):
    app.add_typer(group, rich_help_panel=panel)


def print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"grader {version('grader')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None: ...


def main() -> None:
    """Runs the command. A user error is printed without a traceback and exits with status 1.

    An OSError counts as one: a full disk, a folder without write permission, a file instead of a folder.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads: spinning threads cost 4x on a busy CPU
    try:
        load_config()
        app()
    except Exception as error:
        if not isinstance(error, GraderError | OSError) and not is_full_disk(error):
            raise
        show_error(
            error, error.code if isinstance(error, GraderError) else "disk-full" if is_full_disk(error) else "os-error"
        )
        label = "" if isinstance(error, InputError) else "[bold red]error[/] "
        Console(stderr=True).print(label + escape(str(error)), highlight=False, soft_wrap=True)
        sys.exit(1)
