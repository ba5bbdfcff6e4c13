"""`grader check`: whether labs can be used, and everything that is wrong with them."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

Labs = Annotated[Path, typer.Argument(help="A lab's folder, or the folder that holds one folder for each lab.")]
Language = Annotated[
    str | None, typer.Option(help="C, C++, Java, Python, JavaScript, Go, Rust; else language.txt, else extensions.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON, for other programs.")]


def check(labs: Labs, as_json: AsJson = False, language: Language = None) -> None:
    """Reads labs and lists every issue in them at once: where it is, what was expected, how to mend it.

    Errors stop a lab from being used (exit status 1); warnings say what was left out or looks odd.

    Example: [bold]grader check labs[/]
    """
    from grader.tables.lab_check import as_table, check_labs

    report = check_labs(labs, language, progress=not as_json)
    if as_json:
        typer.echo(report.model_dump_json(indent=1))
    else:
        Console().print(as_table(report), highlight=False, soft_wrap=True)
    raise typer.Exit(0 if report.ok else 1)
