"""Feedback documents for students: a zip file with a folder for each student whose feedback may be released."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from labs_schema.errors import InputError, error_issue
from labs_schema.models import Lab
from labs_schema.observations import SubmissionObservations
from labs_schema.reading.validate import load_lab
from serving.exports.results import Results, read_grades
from serving.exports.scores import Change, ExportReport, report, zip_file
from serving.feedback.feedback import Feedback, FeedbackOptions, feedback_of, fits
from serving.feedback.html import html
from serving.feedback.markdown import markdown
from serving.feedback.pdf import pdf

UNSAFE = re.compile(r"[^\w@+.-]")
"""Characters that a folder's name does not get."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Documents:
    """`lab`: the folder with the rubric and the observations. `formats`: html, markdown and pdf. `font`: for characters
    of PDF files that DejaVu does not have."""

    lab: Path | None = None
    formats: tuple[str, ...] = ("html",)
    probabilities: bool = False
    font: Path | None = None
    progress: Progress = lambda *_: None


def feedback_documents(
    folder: Path, results: Results, documents: Documents, *, include_review: bool
) -> tuple[bytes, ExportReport]:
    """Raises InputError without a lab, for an unusable one, and for results by another rubric than the lab's."""
    if documents.lab is None:
        raise InputError([error_issue("no-lab", "feedback")])
    lab, grades = load_lab(documents.lab), read_grades(folder)
    if other := [student for student, each in grades.items() if not fits(lab, each)]:
        raise InputError([error_issue("results-of-other-rubric", folder.name, found=f"{len(other)} such students")])
    observed = _observations(lab)
    options = FeedbackOptions(include_review=include_review, probabilities=documents.probabilities)
    writers = {name: WRITERS[name](documents) for name in documents.formats}
    students = [each.student for each in results.students]
    names = dict(zip(students, _folder_names(students), strict=True))
    changes: dict[str, Change] = {}

    def written() -> Iterator[tuple[str, str | bytes]]:
        for number, student in enumerate(students):
            documents.progress(number, len(students))
            found = feedback_of(grades[student], lab, observed.get(student), options) if student in grades else None
            if found is not None:
                yield from ((f"{names[student]}/feedback.{suffix}", write(found)) for suffix, write in writers.values())
                changes[student] = Change(student=student, before="", after=f"{names[student]}/")

    data = zip_file(written())
    documents.progress(len(students), len(students))
    return data, report(results, changes, (), 0)


Writer = tuple[str, Callable[[Feedback], str | bytes]]
"""The ending of the files, and what writes one."""
WRITERS: Mapping[str, Callable[[Documents], Writer]] = {
    "html": lambda _: ("html", html),
    "markdown": lambda _: ("md", markdown),
    "pdf": lambda documents: ("pdf", partial(pdf, font=documents.font)),
}


def _observations(lab: Lab) -> dict[str, SubmissionObservations]:
    """The observations by student: every member of a group has those of the group's submission."""
    return {student: each.observations for each in lab.submissions if each.observations for student in each.students}


def _folder_names(students: Sequence[str]) -> Iterator[str]:
    """A name for each student's folder that no file system takes for a path; equal ones get a number."""
    taken: set[str] = set()
    for student in students:
        name = plain = UNSAFE.sub("_", student).lstrip(".") or "_"
        number = 2
        while name.casefold() in taken:
            name, number = f"{plain}_{number}", number + 1
        taken.add(name.casefold())
        yield name
