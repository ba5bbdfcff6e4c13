"""`grader merge`: merges an adapter into its base model."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from grader.cli.options import RunFolder
from grader.terminal import show


def merge(
    run: RunFolder,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Output folder. Default: RUN/merged.")] = None,
    dtype: Annotated[Literal["bfloat16", "float32"], typer.Option(help="Type of the merged weights.")] = "bfloat16",
) -> None:
    """Merges a run's adapter into its base model.

    Every engine serves the merged weights. They are merged in float32, compared with base model and adapter by their
    logits, then rounded.

    Example: [bold]grader merge runs/latest[/]
    """
    from training.models.merge import merge as merge_run

    merged = merge_run(run, out, dtype)
    show({"model": merged}, str(merged))
