"""`grader suspects`: ratings and TAs that may need a second look."""

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.options import Seed
from grader.terminal import show


def suspects(
    parent_dir: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Lab folder, or the folder with one folder per lab.")
    ] = Path("labs"),
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Output folder for suspects.json, suspects.csv and tas.csv.")
    ] = Path("suspects"),
    top: Annotated[int, typer.Option(min=0, help="Ratings to print. The files contain all.")] = 20,
    folds: Annotated[int, typer.Option(min=2, help="Cross-validation folds, grouped by student.")] = 5,
    seed: Seed = 0,
) -> None:
    """Lists TA ratings that may be wrong, and TAs who rate differently.

    Out-of-fold predictions come from a bag-of-words model trained on other students' work. If a TA column or files per
    TA name the rater, TAs who invert ratings, always give the same one, or are stricter or more lenient than others are
    listed with corrected p-values. Needs no language model.

    Example: [bold]grader suspects --parent-dir labs --top 10[/]
    """
    from grader.labels.find_suspects import find_suspects
    from grader.progress_bars import step_bars
    from grader.tables.suspects import suspect_tables

    with step_bars() as bars:
        found = find_suspects(
            parent_dir, out, folds=folds, seed=seed, progress=lambda done, of: bars("Predicting ratings", done, of)
        )
    written = f"Written to {out}: suspects.csv and suspects.json contain all of them"
    show(found, *suspect_tables(found, top), written)
