"""`grader check`: validates labs."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grader.cli.options import AsJson

Labs = Annotated[Path, typer.Argument(metavar="LABS", help="Lab folder, or the folder with one folder per lab.")]
Language = Annotated[
    str | None,
    typer.Option(
        metavar="LANGUAGE",
        help="Such as C, Java or Python. Default: language.txt, else by file extension.",
    ),
]


def check(labs: Labs, as_json: AsJson = False, language: Language = None) -> None:
    """Validates labs and reports every error at once.

    Each report has the location, what was found, what was expected and a hint. Errors make a lab unusable (exit status
    1); warnings name what was skipped or looks suspicious.

    Example: [bold]grader check labs[/]
    """
    from grader.tables.lab_check import as_table, check_labs

    report = check_labs(labs, language, progress=not as_json)
    if as_json:
        typer.echo(report.model_dump_json(indent=1))
    else:
        Console().print(as_table(report), highlight=False, soft_wrap=True)
    raise typer.Exit(0 if report.ok else 1)
