"""Writes a job's results as files, under the students' ids: `grader regrade --out`.

`grades.jsonl` (a `Result` a line, as from the service), `rubric_ratings.csv` and `rubric_comments.csv` in the lab's own
format (current ratings, and why a criterion has none), `marks.csv`, and `summary.json` (disagreements with the TAs).
Every student of the job is in each of them, those without a grade first.
The files are copies of what the store has.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from labs_schema.errors import GraderError
from labs_schema.models import Lab
from labs_schema.reading.lab_folders import COMMENTS, RATINGS
from labs_schema.rubrics.rubric_json import RUBRIC
from labs_schema.writing.lab_writer import write_ratings
from serving.jobs.job import Job
from serving.jobs.results.marks_table import MARKS, write_marks
from serving.jobs.results.results import Result, forgotten, results, ungraded_results
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

    A student who is deleted during this call is in none of the files. The store records the folder, so that students
    who are deleted later can be removed from it. Raises OSError if `out` cannot be written.
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
    """A result for every student: first the ungraded ones, with the reason, then in the order of the lab."""
    graded = {each.grade.student: each for each in results(store, job)}
    ungraded = [each for each in ungraded_results(store, job) if each.grade.student not in graded]
    return [*ungraded, *(graded[student] for student in lab.students if student in graded)]


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
    folders = {each.student: each.folder for each in lab.submissions if not each.members}
    folders |= {each.student: each.folder for each in lab.unreadable}
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
