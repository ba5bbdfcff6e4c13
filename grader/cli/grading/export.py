"""`grader export`: writes results as files for course platforms."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from grader.progress_bars import step_bars
from grader.terminal import show

Platform = Annotated[
    str,
    typer.Argument(
        metavar="PLATFORM",
        help="canvas, moodle, moodle-feedback (a zip of feedback files), gradescope, nbgrader, github-classroom, "
        "prairielearn (the CSV of manual grading), submitty (a zip of results.json files), excel for a marks.csv that "
        "Excel opens correctly, feedback for a zip of documents for students, gradescope-autograder or "
        "prairielearn-grader for an autograder that calls the service.",
    ),
]
Results = Annotated[
    Path,
    typer.Argument(
        metavar="RESULTS", help="Folder of a lab written by 'grader regrade --out'; for autograders the lab's folder."
    ),
]
Out = Annotated[Path | None, typer.Option(metavar="FILE", help="File to write. Not needed with --dry-run.")]
Template = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The platform's own file to fill: gradebook (Canvas), grading worksheet (Moodle), gradebook.db (nbgrader) "
        "or grades CSV; for submitty the folder of submissions that was imported. Required for canvas, moodle, "
        "prairielearn and submitty.",
    ),
]
Column = Annotated[
    str | None, typer.Option(metavar="HEADING", help="Heading of the grade column. Default: found by its usual name.")
]
FeedbackColumn = Annotated[
    str | None, typer.Option(metavar="HEADING", help="Heading of the feedback column of a Moodle worksheet.")
]
Assignment = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Assignment (nbgrader), gradeable (Submitty) or question (PrairieLearn), if the template has several.",
    ),
]
Scale = Annotated[bool, typer.Option("--scale", help="Convert grades to the platform's maximum if it differs.")]
IncludeReview = Annotated[
    bool, typer.Option("--include-review", help="Also export grades that still need human review.")
]
Lab = Annotated[
    Path | None, typer.Option(metavar="LAB", help="feedback: the lab's folder, with rubric and observations.")
]


class DocumentFormat(StrEnum):
    HTML = "html"
    MARKDOWN = "markdown"
    PDF = "pdf"


Formats = Annotated[
    list[DocumentFormat] | None,
    typer.Option(
        "--format", metavar="html|markdown|pdf", help="feedback: format of the documents, repeatable. Default: html."
    ),
]
Probabilities = Annotated[
    bool, typer.Option("--probabilities", help="feedback: also show the model's probability of every rating.")
]
Font = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="feedback: font for characters in PDF files that DejaVu does not have."),
]
Service = Annotated[str, typer.Option(metavar="URL", help="autograders: address of the grading service.")]
Tests = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="gradescope-autograder: the course's own autograder, run as well."),
]
Wait = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="MINUTES",
        help="autograders: how long to retry while the service is away. At most 30 for Gradescope, 6 for PrairieLearn.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only report the changes. Writes nothing.")]


def export(
    platform: Platform,
    results: Results,
    out: Out = None,
    template: Template = None,
    column: Column = None,
    feedback_column: FeedbackColumn = None,
    assignment: Assignment = None,
    scale: Scale = False,
    include_review: IncludeReview = False,
    lab: Lab = None,
    format_: Formats = None,
    probabilities: Probabilities = False,
    font: Font = None,
    service: Service = "",
    tests: Tests = None,
    wait: Wait = 5,
    dry_run: DryRun = False,
) -> None:
    """Writes the results of a regrade as a file for a course platform.

    Grades that need review stay empty unless requested, and ungraded students are never given 0. With a template, only
    the grade and feedback cells change; the report lists the differences.

    Example: [bold]grader export moodle regraded/square --template worksheet.csv --out upload.csv[/]

    Documents for students: [bold]grader export feedback regraded/square --lab labs/square --format pdf --out f.zip[/]

    An autograder: [bold]grader export gradescope-autograder labs/square --service https://grader.example --out a.zip[/]

    Try first: [bold]grader export canvas regraded/square --template gradebook.csv --dry-run[/]
    """
    from grader.service.local_store import record_exported_file
    from grader.tables.export_report import as_table
    from serving.exports.autograders.package import PLATFORMS as AUTOGRADERS
    from serving.exports.exporter import ExportRequest, export_results
    from serving.exports.feedback_documents import Documents
    from serving.exports.scores import Policy

    if out is None and not dry_run:
        raise typer.BadParameter("name the file to write", param_hint="--out")
    if platform in AUTOGRADERS:
        write_autograder(platform, results, out, service, tests, wait)
        return
    policy = Policy(include_review=include_review, scale=scale)
    formats = tuple(dict.fromkeys(format_ or [DocumentFormat.HTML]))
    with step_bars() as bars:
        documents = Documents(lab, formats, probabilities, font, partial(bars, "Writing feedback"))
        request = ExportRequest(platform, results, template, column, feedback_column, assignment, policy, documents)
        if out is not None and not dry_run:
            record_exported_file(results, out)
        report = export_results(request, None if dry_run else out)
    show(report, as_table(report, None if dry_run else out))


def write_autograder(platform: str, lab: Path, out: Path | None, service: str, tests: Path | None, wait: int) -> None:
    """Writes the zip file, or only checks the input if `out` is None."""
    from labs_schema.checks.reading import has_checks, load_checks
    from labs_schema.reading.validate import load_rubric
    from serving.exports.autograders.package import LONGEST_WAIT, AutograderRequest, autograder_zip
    from serving.exports.exporter import write_file

    if wait > LONGEST_WAIT[platform]:
        raise typer.BadParameter(f"at most {LONGEST_WAIT[platform]} for {platform}", param_hint="--wait")
    checks = load_checks(lab) if has_checks(lab) else None
    request = AutograderRequest(platform=platform, service=service, tests=tests, checks=checks, seconds=60 * wait)
    data = autograder_zip(load_rubric(lab), request)
    if out is not None:
        write_file(out, data)
    written = "Dry run: nothing was written." if out is None else f"Written to {out}. Put an API key into its key.txt."
    show({"platform": platform, "bytes": len(data), "written": out and str(out)}, written)
