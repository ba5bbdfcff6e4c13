"""Writes a job's results as files, under the students' ids: `grader regrade --out`.

`grades.jsonl` (a `Result` a line, as from the service), `rubric_ratings.csv` and `rubric_comments.csv` in the lab's own
format (current ratings, and why a criterion has none), `marks.csv`, and `summary.json` (disagreements with the TAs).
The files are copies of what the store has.
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


def check_output_folder(out: Path) -> None:
    """Raises GraderError if the folder is a lab, whose files would be overwritten."""
    if (out / RUBRIC).exists():
        raise GraderError(
            f"{out} is a lab, whose {RATINGS} would be overwritten. Choose another --out.", code="output-is-a-lab"
        )


def export(store: Store, job: Job, lab: Lab, out: Path) -> Comparison:
    """Writes the results of `job`, over `lab`, into the folder `out`, and compares them with the TAs.

    A student who is deleted meanwhile is in none of the files. The store records the folder, so that students who are
    deleted later can be removed from it. Raises OSError if `out` cannot be written.
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
    """In the order of the lab's submissions; parked submissions are ungraded, with the reason."""
    found = {each.grade.student: each for each in results(store, job)}
    for parked in JobRepository(store.database).progress(job.id).parked:
        if job.fingerprint and (student := store.read_student(parked.student).student) is not None:
            grade = _parked_grade(job.fingerprint, lab, student, parked.reason)
            found[student] = Result(grade_id=None, grade=grade, ratings={})
    return [found[each.student] for each in lab.submissions if each.student in found]


def _parked_grade(fingerprint: str, lab: Lab, student: str, reason: str) -> Grade:
    [submission] = [each for each in lab.submissions if each.student == student]
    hashes = {"rubric_hash": rubric_hash(lab), "submission_hash": submission_hash(submission)}
    return all_ungraded(lab, student, Provenance(**json.loads(fingerprint), **hashes), f"parked: {reason}")


def _write(lab: Lab, given: Sequence[Result], comparison: Comparison, out: Path) -> None:
    """An ungraded criterion has no 1 in the ratings table; its reason is the comment of its first rating."""
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
    with TemporaryDirectory(dir=out, prefix=".partial-") as name:  # readers never see a partly written file
        part = Path(name)
        with (part / "grades.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(each.model_dump_json() + "\n" for each in given)
        write_ratings(lab.criteria, ratings, folders, part / RATINGS)
        write_ratings(lab.criteria, cells, folders, part / COMMENTS, reasons)
        write_marks(lab, given, part / MARKS)
        (part / "summary.json").write_text(comparison.model_dump_json(indent=1) + "\n", encoding="utf-8")
        for path in part.iterdir():
            path.replace(out / path.name)
