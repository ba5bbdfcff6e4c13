"""The files of a labelling session: the lab's ratings, the log of versions, and the run folder of the final head."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from grader.heads.base import HeadBase
from grader.heads.run import write_head_run
from grader.heads.session import Version
from labs_schema.errors import GraderError
from labs_schema.lab_writer import write_ratings
from labs_schema.models import Lab
from labs_schema.reading.lab_folders import COMMENTS, RATINGS, table_names
from prompts.style import PromptStyle
from serving.head.head import Head
from training.run_folder import RunFolder

VERSIONS = "versions.jsonl"
Ratings = Mapping[str, Mapping[str, str]]


def save_ratings(lab: Lab, ratings: Ratings, folder: Path) -> None:
    """Replaces the lab's rubric_ratings.csv by one with `ratings`; on disk when it returns. TAs' names
    and comments stay.

    Raises GraderError if the lab's ratings are in a table of another format, which would then contradict the file.
    """
    for name in table_names(RATINGS):
        if name != RATINGS and (folder / name).exists():
            raise GraderError(
                f"{folder / name}: ratings are added to {RATINGS} only. Save the table as {RATINGS} first.",
                code="ratings-not-csv",
            )
    folders = {submission.student: submission.folder for submission in lab.submissions}
    raters = {grade.student: grade.rater for grade in lab.human_grades if grade.rater}
    rows: dict[str, Mapping[str, str]] = {grade.student: {} for grade in lab.human_grades}
    comments: dict[str, dict[str, str]] = {}
    for grade in lab.human_grades:
        if grade.comment:
            comments.setdefault(grade.student, {})[grade.criterion] = grade.comment
    draft = folder / ".ratings.part"
    draft.mkdir(exist_ok=True)
    write_ratings(
        lab.criteria, rows | dict(ratings), folders, draft / RATINGS, comments=comments or None, raters=raters or None
    )
    # Each file is replaced as a whole: a kill in between leaves the comments, which do not change, and the old ratings.
    for name in (COMMENTS, RATINGS):
        if (draft / name).exists():
            _sync(draft / name)
            (draft / name).replace(folder / name)
    draft.rmdir()
    _sync(folder)


def append_version(made: Version, out: Path) -> None:
    """Adds a line to `versions.jsonl`; on disk when it returns."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / VERSIONS).open("a", encoding="utf-8") as file:
        file.write(made.model_dump_json() + "\n")
        file.flush()
        os.fsync(file.fileno())


def save_run(head: Head, base: HeadBase, out: Path) -> Path:
    """A run folder that `grader regrade`, `serve` and `grade` accept as --model. It has no calibration."""
    run = RunFolder(out / f"{head.info.dataset_hash[:12]}-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    run.path.mkdir(parents=True)
    write_head_run(run, head, base, PromptStyle())
    return run.path


def _sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
