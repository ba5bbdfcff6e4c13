"""Adds the submissions of an export to a lab that has none: complete or not at all."""

from dataclasses import replace
from pathlib import Path

from labs_schema.errors import InputError, Issue, error_issue
from labs_schema.files.edits import commit_edit, draft_folder, edit_lock
from labs_schema.imports.importer import ImportSource, import_lab
from labs_schema.imports.records import ImportReport
from labs_schema.imports.writer import Progress
from labs_schema.reading.lab_folders import COMMENTS, GROUPS, RATINGS, ROSTER, SUBMISSIONS

FILLED = (GROUPS, ROSTER, RATINGS, COMMENTS, SUBMISSIONS)


def has_submissions(folder: Path) -> bool:
    submissions = folder / SUBMISSIONS
    return submissions.is_dir() and any(submissions.iterdir())


def fill_lab(
    source: ImportSource, folder: Path, *, dry_run: bool, progress: Progress = lambda *_: None
) -> tuple[ImportReport, tuple[Issue, ...]]:
    """Imports into the lab `folder`, by whose rubric the TAs' ratings are read. A dry run writes nothing.

    Raises InputError if the export cannot be used or the lab has submissions, OSError if it cannot be written.
    """
    into = replace(source, lab=folder)
    if has_submissions(folder):
        raise InputError([error_issue("lab-has-submissions", folder.name)])
    if dry_run:
        return import_lab(into, None, progress)
    with edit_lock(folder), draft_folder(folder) as files, draft_folder(folder) as imported:
        if has_submissions(folder):
            raise InputError([error_issue("lab-has-submissions", folder.name)])
        report, issues = import_lab(into, imported, progress)
        for name in FILLED:
            if (imported / name).exists():
                (imported / name).rename(files / name)
        commit_edit(folder, files)
    return report, issues
