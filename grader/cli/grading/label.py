"""`grader label`: rates a few programs of a new lab and fits a model for the rest."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grader.cli.options import LabFolder, Seed
from grader.terminal import show

Others = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Rated labs to learn from. Default: the folder that contains LAB."),
]
Base = Annotated[str, typer.Option(metavar="MODEL", help="Base model: preset, folder or hub id.")]
Out = Annotated[Path, typer.Option(metavar="FOLDER", help="Folder for the results: OUT/LAB/latest is the model.")]
Target = Annotated[float, typer.Option(min=0, max=1, help="Agreement at which the rest can be graded. Only reported.")]
Propose = Annotated[
    int | None, typer.Option(min=1, help="Only list the N programs to rate first, to rate them elsewhere.")
]
Finish = Annotated[
    bool, typer.Option("--finish", help="Do not ask for ratings: fit a head on the existing ratings and save it.")
]


def label(
    lab: LabFolder,
    parent_dir: Others = None,
    model: Base = "smollm2-135m",
    out: Out = Path("labels"),
    target: Target = 0.75,
    propose: Propose = None,
    finish: Finish = False,
    seed: Seed = 0,
) -> None:
    """Fits a model on the few programs of a new lab that you rate.

    Shows one program at a time, the most informative first. Each rating is saved in the lab's rubric_ratings.csv at
    once. After each program a head (a regression on a frozen model's features) is refitted in seconds, and its
    agreement with your ratings is estimated. About twenty rated programs are enough to start. Stop at any time and
    continue later with the same command.

    Example: [bold]grader label labs/queue[/], then [bold]grader regrade labs/queue --model labels/queue/latest --out
    regraded/queue[/]

    No grade changes before you regrade. All grades need human review until the head is calibrated.
    """
    from grader.experiments.label import LabelOptions, label_lab

    options = LabelOptions(
        parent=parent_dir or lab.resolve().parent,
        model=model,
        out=out / lab.resolve().name,
        target=target,
        seed=seed,
        propose=propose,
        finish=finish,
    )
    show(label_lab(lab, options, Console()))
