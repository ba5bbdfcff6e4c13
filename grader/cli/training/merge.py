"""`grader merge`: merges an adapter into its base model."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.options import RunFolder
from grader.terminal import show


class Dtype(StrEnum):
    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"


def merge(
    run: RunFolder,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Output folder. Default: RUN/merged.")
    ] = None,
    dtype: Annotated[Dtype, typer.Option(help="Type of the merged weights.")] = Dtype.BFLOAT16,
) -> None:
    """Merges a run's adapter into its base model.

    Every engine serves the merged weights. They are merged in float32, compared with base model and adapter by their
    logits, then rounded.

    Example: [bold]grader merge runs/latest[/]
    """
    from training.models.merge import merge as merge_run

    merged = merge_run(run, out, dtype.value)
    show({"model": merged}, str(merged))
