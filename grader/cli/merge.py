"""`grader merge`: an adapter folded into its base."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Dtype(StrEnum):
    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"


def merge(
    run: Annotated[Path, typer.Argument(help="The run folder that grader train made.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write; merged/ in the run folder by default.")] = None,
    dtype: Annotated[Dtype, typer.Option(help="Type of the merged weights.")] = Dtype.BFLOAT16,
) -> None:
    """Writes a run's model as plain weights, which every engine serves, and checks that they answer as before.

    Example: [bold]grader merge runs/tiny-20260101-120000[/]
    """
    from training.models.merge import merge as merge_run

    typer.echo(merge_run(run, out, dtype.value))
