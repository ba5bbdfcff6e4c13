"""`grader observe`: builds, runs and tests the submissions of a lab."""

from typing import Annotated

import typer

from grader.cli.options import LabFolder
from grader.terminal import show


def observe(
    lab: LabFolder,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Submissions to run in parallel. Default: one for each processor core.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Run everything again, even if it is cached.")] = False,
) -> None:
    """Builds, runs and tests all submissions in a sandbox.

    Writes observations.jsonl into the lab's folder. The lab needs checks: checks.yaml or a contest's data folder.
    Programs run without network, see only compilers and their own files, and are limited in time, memory, processes,
    files and output. Without bubblewrap nothing is run.

    Results are cached by program, checks and tool versions: if interrupted, rerun the same command to continue.

    Example: [bold]grader observe labs/square[/]
    """
    from grader.observe.observe_lab import observe_lab
    from grader.progress_bars import step_bars
    from grader.tables.observations import outcome_counts, outcomes_table
    from labs_schema.files.full_disk import reporting_full_disk

    with reporting_full_disk(lab, "run the same command again: it continues."), step_bars() as bars:
        observed = observe_lab(lab, workers, again=again, progress=lambda done, total: bars("observing", done, total))
    counts = outcome_counts(observed.checks.names, observed.observations.values())
    show(
        {
            "submissions": len(observed.observations),
            "cached": observed.cached,
            "unreadable": observed.unreadable,
            "checks": counts,
        },
        outcomes_table(counts),
        f"{len(observed.observations):,} submissions observed, {observed.cached:,} of them from the cache.",
        *([f"{observed.unreadable:,} students have no readable program."] if observed.unreadable else []),
    )
