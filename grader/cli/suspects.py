"""`grader suspects`: labels that may be wrong, and TAs who rate unlike the others."""

from pathlib import Path
from typing import Annotated

import typer


def suspects(
    parent_dir: Annotated[Path, typer.Option(help="A lab, or the folder that holds one folder for each lab.")] = Path(
        "labs"
    ),
    out: Annotated[Path, typer.Option(help="Where suspects.json, suspects.csv and tas.csv go.")] = Path("suspects"),
    top: Annotated[int, typer.Option(min=0, help="Labels shown; the files have all.")] = 20,
    folds: Annotated[
        int, typer.Option(min=2, help="Parts the students are dealt into; each is expected by others.")
    ] = 5,
    seed: Annotated[int, typer.Option(help="Of the folds.")] = 0,
) -> None:
    """Lists the ratings to look at again, best first, and the TAs who rate unlike the others. Needs no language model.

    What is expected of a piece of work is learned from the words of other students' work and its ratings. Where a TA
    column or files of single TAs say who rated, TAs who invert ratings, always give the same or
    are stricter or more lenient than the others are named, with corrected p-values.

    Example: [bold]grader suspects --parent-dir labs --top 10[/]
    """
    from rich.console import Console

    from grader.labels.second_look import second_look
    from grader.progress_bars import step_bars
    from grader.tables.suspects import tables

    with step_bars() as show:
        found = second_look(
            parent_dir, out, folds=folds, seed=seed, progress=lambda done, of: show("Expecting ratings", done, of)
        )
    written = f"Written to {out}: suspects.csv and suspects.json have all of them"
    Console().print(*tables(found, top), written, sep="\n", highlight=False)
