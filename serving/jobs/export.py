"""A job's results as a folder of files, under the students' real ids: `grader regrade --out`.

`grades.jsonl` (a `Result` a line, as from the service), `rubric_ratings.csv` and `rubric_comments.csv` in the lab's own
format (the ratings in force, and why a criterion has none), `marks.csv` (everybody's marks), `summary.json` (where the
grader differs from the TAs). The files are copies: the store holds the grades, and the folder is written whole again
from it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from labs_schema.errors import GraderError
from labs_schema.grades import Grade, Provenance
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.lab_writer import write_ratings
from labs_schema.models import Lab
from labs_schema.reading.lab_folders import COMMENTS, RATINGS, RUBRIC
from serving.grading.retries import all_ungraded
from serving.jobs.job import Job
from serving.jobs.marks_table import MARKS, write_marks
from serving.jobs.repository import JobRepository
from serving.jobs.results import Result, forgotten, results
from serving.measures.comparison import Comparison, compare
from serving.store.store import Store


def check_place(out: Path) -> None:
    """Raises GraderError where the files would be written over those of a lab."""
    if (out / RUBRIC).exists():
        raise GraderError(f"{out} is a lab, whose {RATINGS} would be lost. Choose another --out.")


def export(store: Store, job: Job, lab: Lab, out: Path) -> Comparison:
    """Writes what there is of `job`, whose work is `lab`, into the folder `out`, and compares it with the TAs.

    Who is forgotten while it writes is in none of the files; for those who are later, the store notes where they are.
    Raises OSError where `out` cannot be written.
    """
    store.record_export(job.course, out)
    out.mkdir(parents=True, exist_ok=True)
    while True:
        gone = forgotten(store, job)
        given = _given(store, job, lab)
        comparison = compare(lab, [each.grade for each in given])
        _write(lab, given, comparison, out)
        if forgotten(store, job) == gone:
            return comparison


def _given(store: Store, job: Job, lab: Lab) -> list[Result]:
    """In the order of the lab's submissions; what the job gave up has no rating and says why."""
    found = {each.grade.student: each for each in results(store, job)}
    for parked in JobRepository(store.database).progress(job.id).parked:
        if job.fingerprint and (student := store.read_student(parked.student).student) is not None:
            given_up = _given_up(job.fingerprint, lab, student, parked.reason)
            found[student] = Result(grade_id=None, grade=given_up, ratings={})
    return [found[each.student] for each in lab.submissions if each.student in found]


def _given_up(origin: str, lab: Lab, student: str, reason: str) -> Grade:
    [work] = [each for each in lab.submissions if each.student == student]
    hashes = {"rubric_hash": rubric_hash(lab), "submission_hash": submission_hash(work)}
    return all_ungraded(lab, student, Provenance(**json.loads(origin), **hashes), f"grading was given up: {reason}")


def _write(lab: Lab, given: Sequence[Result], comparison: Comparison, out: Path) -> None:
    """An ungraded criterion has no 1 in the ratings; its reason is the comment, in the cell of the first rating."""
    ratings = {each.grade.student: each.ratings for each in given}
    why = {
        each.grade.student: {
            a.criterion: f"ungraded: {a.ungraded}" for a in each.grade.criteria if a.criterion not in each.ratings
        }
        for each in given
    }
    reasons = {student: each for student, each in why.items() if each}
    first = {criterion.title: criterion.ratings[0].title for criterion in lab.criteria}
    cells = {student: {title: first[title] for title in each} for student, each in reasons.items()}
    folders = {submission.student: submission.folder for submission in lab.submissions}
    with TemporaryDirectory(dir=out, prefix=".partial-") as name:  # a reader finds whole files, the old or the new ones
        part = Path(name)
        with (part / "grades.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(each.model_dump_json() + "\n" for each in given)
        write_ratings(lab.criteria, ratings, folders, part / RATINGS)
        write_ratings(lab.criteria, cells, folders, part / COMMENTS, reasons)
        write_marks(lab, given, part / MARKS)
        (part / "summary.json").write_text(comparison.model_dump_json(indent=1) + "\n", encoding="utf-8")
        for path in part.iterdir():
            path.replace(out / path.name)
