"""`grader import-observations`: reads results of autograders and unit tests for a lab's submissions."""

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.options import LabFolder
from grader.terminal import show

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...",
        help="Results of the students: files, or folders and zip files of them. For gradescope also the export with "
        "submission_metadata.yml.",
    ),
]
Platform = Annotated[
    str,
    typer.Option(
        "--from", metavar="PLATFORM", help="gradescope, prairielearn, submitty (results.json) or junit (XML)."
    ),
]


def import_observations(lab: LabFolder, files: Files, platform: Platform) -> None:
    """Adds the results of an autograder to a lab.

    The results become observations and are used like those of 'grader observe': by heads, in prompts and by decided_by.
    A student is identified by the name of the file or of a folder above it, such as results/s1/results.json. Earlier
    observations of the same students are replaced; those of other students stay.

    Example: [bold]grader import-observations labs/lab07 results --from submitty[/]
    """
    from grader.tables.observations import import_table
    from labs_schema.imports.observations.importer import import_observations as read_results

    report, issues = read_results(lab, files, platform)
    show(report, import_table(report, issues))
