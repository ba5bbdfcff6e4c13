"""The files of a labelling session: the lab's ratings and the log of versions."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from labs_schema.errors import GraderError
from labs_schema.files.atomic import sync
from labs_schema.models import Lab
from labs_schema.reading.lab_folders import COMMENTS, RATINGS, table_names
from labs_schema.reading.validate import lab_folders, load_lab
from labs_schema.writing.lab_writer import grade_texts, write_ratings
from serving.review.labelling.labelling import Version

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
    before, comments = grade_texts(lab.human_grades)
    rows = {student: dict[str, str]() for student in before} | dict(ratings)
    draft = folder / ".ratings.part"
    draft.mkdir(exist_ok=True)
    write_ratings(lab.criteria, rows, folders, draft / RATINGS, comments=comments or None, raters=raters or None)
    # Each file is replaced as a whole: a kill in between leaves the comments, which do not change, and the old ratings.
    for name in (COMMENTS, RATINGS):
        if (draft / name).exists():
            sync(draft / name)
            (draft / name).replace(folder / name)
    draft.rmdir()
    sync(folder)


def other_labs(parent: Path, own: Path) -> list[Lab]:
    """The labs in `parent`, except the lab `own`. Raises InputError for one that cannot be read."""
    return [load_lab(each) for each in lab_folders(parent) if each.resolve() != own.resolve()]


def append_version(made: Version, out: Path) -> None:
    """Adds a line to `versions.jsonl`; on disk when it returns."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / VERSIONS).open("ab+") as file:
        # A line that was cut off when the process was killed must not swallow this one.
        size = file.seek(0, os.SEEK_END)
        cut_off = size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"
        file.write(b"\n" * cut_off + made.model_dump_json().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_versions(out: Path) -> list[Version]:
    """The versions in `out`, oldest first, without a line that was cut off."""
    path, found = out / VERSIONS, []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        with suppress(ValidationError):
            found.append(Version.model_validate_json(line))
    return found
