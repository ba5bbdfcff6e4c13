"""`grader check`: validates labs."""

from pathlib import Path
from typing import Annotated

import typer

from grader.terminal import json_requested, show

Labs = Annotated[Path, typer.Argument(metavar="LABS", help="Lab folder, or the folder with one folder per lab.")]
Language = Annotated[
    str | None,
    typer.Option(
        metavar="LANGUAGE",
        help="Language, such as C, Java or Python. Default: language.txt, else by file extension.",
    ),
]


def check(labs: Labs, language: Language = None) -> None:
    """Validates labs and reports every error at once.

    Each report has the location, what was found, what was expected and a hint. Errors make a lab unusable;
    warnings name what was skipped or looks suspicious.

    Example: [bold]grader check labs[/]

    Exit status: 0 without errors, 1 if a lab has an error, 2 for wrong options.
    """
    from grader.tables.lab_check import as_table, check_labs

    report = check_labs(labs, language, progress=not json_requested())
    show(report, as_table(report))
    raise typer.Exit(0 if report.ok else 1)
