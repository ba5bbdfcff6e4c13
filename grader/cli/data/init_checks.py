"""`grader init-checks`: proposes the checks of a lab from a reference solution."""

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.options import LabFolder
from grader.terminal import show


def init_checks(
    lab: LabFolder,
    reference: Annotated[
        Path, typer.Option(metavar="PATH", help="The reference solution: a source file or its folder.")
    ],
    inputs: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="A sample input, or a folder of them. Repeatable."),
    ] = None,
) -> None:
    """Proposes the checks of a lab from a reference solution.

    Writes checks.yaml with one test for each input, which expects what the reference prints. The reference runs in the
    sandbox, twice for each input. Review the proposed tests, and add boundary cases.

    Example: [bold]grader init-checks labs/square --reference solution.c --inputs samples[/]
    """
    from grader.observe.init_checks import init_checks
    from grader.progress_bars import step_bars

    with step_bars() as bars:
        checks = init_checks(
            lab, reference, inputs or [], lambda done, total: bars("running the reference", done, total)
        )
    path = lab / "checks.yaml"
    show(
        {"checks": path, "tests": [test.name for test in checks.tests]}, f"{len(checks.tests)} tests written to {path}."
    )
