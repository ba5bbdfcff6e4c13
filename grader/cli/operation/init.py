"""`grader init`: writes the configuration that the service and the other commands read."""

from pathlib import Path
from typing import Annotated

import typer

from grader.terminal import show

Labs = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Folder with one folder per lab (question 1).")]
Model = Annotated[str | None, typer.Option(metavar="MODEL", help="Run folder, preset or other model (question 2).")]
StoreLocation = Annotated[
    str | None,
    typer.Option(
        metavar="DATABASE",
        help="Path of a SQLite file, or postgresql://user:password@host/name (question 3).",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File to write, such as /etc/grader/grader.env for systemd."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Ask nothing: use the defaults of the questions without a flag.")]
Force = Annotated[
    bool, typer.Option("--force", help="Change the three settings in an existing file. Its other lines remain.")
]


def init(
    labs: Labs = None,
    model: Model = None,
    store: StoreLocation = None,
    out: Out = None,
    yes: Yes = False,
    force: Force = False,
) -> None:
    """Writes the configuration, from three questions.

    Where are the labs, which model grades, which database holds the grades? The answers are saved as GRADER_LABS,
    GRADER_MODEL and GRADER_STORE in ~/.config/grader/grader.env, readable by you only. Every command reads this file;
    environment variables and options override it. An existing file is not changed without --force.

    Example: [bold]grader init[/], then [bold]grader doctor[/] and [bold]grader serve[/]

    In a script: [bold]grader init --labs labs --model runs/latest --store /srv/grader/grader.db[/]
    """
    from grader.configuration import Answers, check_target, default_answers, next_steps, write_config
    from labs_schema.settings import config_file

    path = out or config_file()
    check_target(path, force=force)
    defaults = default_answers()

    def answer(given: object, question: str, default: str) -> str:
        return str(given) if given is not None else default if yes else _question(question, default)

    answers = Answers(
        labs=answer(labs, "Folder with your labs, one folder per lab", defaults.labs),
        model=answer(model, "Model: a run folder, or a preset of 'grader model list'", defaults.model),
        store=answer(store, "Database: the path of a SQLite file, or a postgresql:// URL", defaults.store),
    )
    settings, warnings = write_config(answers, path)
    show(
        {"path": path, "settings": settings, "warnings": warnings}, *warnings, f"Written: {path}", *next_steps(answers)
    )


def _question(text: str, default: str) -> str:
    try:
        return str(typer.prompt(text, default=default, err=True))
    except typer.Abort:
        raise typer.BadParameter("no answer: give --labs, --model and --store, or --yes") from None
