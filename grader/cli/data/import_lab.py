"""`grader import`: turns an export of a course platform into a lab."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from grader.terminal import show

Platform = Annotated[
    str,
    typer.Argument(
        metavar="PLATFORM",
        help="gradescope, canvas, moodle, blackboard, github-classroom, nbgrader, submitty, autolab, or folder for a "
        "plain folder with a folder or file for each student.",
    ),
]
Export = Annotated[
    str,
    typer.Argument(
        metavar="EXPORT",
        help="Zip file or folder as the platform exports it; for moodle also the address of the assignment's page "
        "(https://.../mod/assign/view.php?id=...), with GRADER_MOODLE_TOKEN set.",
    ),
]
Out = Annotated[Path | None, typer.Option(metavar="LAB", help="New lab folder. Not needed with --dry-run.")]
Roster = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="CSV with the students' ids: roster, gradebook (Canvas), grading worksheet (Moodle), class roster.",
    ),
]
Grades = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="The TAs' ratings: Gradescope evaluations (CSV, folder or zip) or Canvas rubric assessments (CSV). Can be "
        "repeated.",
    ),
]
Lab = Annotated[
    Path | None,
    typer.Option(metavar="LAB", help="Lab to copy the statement, rubric, template and language from."),
]
Assignment = Annotated[
    str | None, typer.Option(metavar="NAME", help="Assignment to import, if a course export has several.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only report what would be imported. Writes nothing.")]


def import_(
    platform: Platform,
    export: Export,
    out: Out = None,
    roster: Roster = None,
    grades: Grades = None,
    lab: Lab = None,
    assignment: Assignment = None,
    dry_run: DryRun = False,
) -> None:
    """Turns an export of a course platform into a lab.

    Imports the active or latest submission of every student, late marks, groups, the rubric and the TAs' ratings.
    Students are identified by ids, never by names. The lab is written completely or not at all.

    Example: [bold]grader import gradescope assignment_export.zip --grades evaluations.zip --out labs/lab07[/]

    By web services: [bold]grader import moodle https://moodle.example/mod/assign/view.php?id=501 --out labs/l1[/]

    Try first: [bold]grader import moodle submissions.zip --roster worksheet.csv --dry-run[/]
    """
    from grader.progress_bars import step_bars
    from grader.service.moodle import downloaded
    from grader.tables.import_report import as_table
    from labs_schema.imports.importer import ImportSource, import_lab

    if out is None and not dry_run:
        raise typer.BadParameter("name the new lab's folder", param_hint="--out")
    source = ImportSource(platform, Path(export), roster, tuple(grades or ()), lab, assignment)
    with step_bars() as progress, ExitStack() as stack:
        if platform == "moodle" and export.startswith(("https://", "http://")):
            source = stack.enter_context(downloaded(export, source, progress))
        report, issues = import_lab(source, None if dry_run else out, progress)
    show(report, as_table(report, issues, out))
