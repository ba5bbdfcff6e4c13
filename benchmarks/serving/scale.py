"""Bottlenecks of a regrade apart from the model: the store's single writer, the driver's memory.

    .venv/bin/python -m benchmarks.serving.scale [--submissions 20000] [--folder DIR] [--store postgresql://...]

Grades are synthetic. The last line is JSON. Put --folder on the disk that the store will use; --store names a store to
fill with synthetic students, instead of a new SQLite file.

Time: a minute. Figures: docs/measurements/scaling.md.
"""

import argparse
import json
import resource
import secrets
import sys
import tempfile
import time
from pathlib import Path

from labs_schema.grades import CriterionGrade, Grade, Provenance, Status
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.limits import JobLimits
from labs_schema.models import Criterion, Lab, Rating, SourceFile, Submission
from serving.jobs.repository import JobRepository
from serving.store.store import Store, open_store

PROGRAM = "int main(void) {\n" + "    int value = 0; /* a line of a student's program */\n" * 40 + "}\n"
CRITERIA = tuple(
    Criterion(title=f"Criterion {i}", ratings=(Rating(title="A", marks=1), Rating(title="B", marks=0)))
    for i in range(5)
)
CHUNK = JobLimits().chunk_submissions


def synthetic_lab(submissions: int) -> Lab:
    """Programs of about 2 kB, all different."""
    handed_in = (
        Submission(student=f"s{i}", folder=f"s{i}@c", files=(SourceFile(path="main.c", text=PROGRAM + f"/* {i} */\n"),))
        for i in range(submissions)
    )
    return Lab(
        name="lab", problem="p", short_problem="p", language="C", criteria=CRITERIA, submissions=tuple(handed_in)
    )


def synthetic_grade(lab: Lab, submission: Submission, rubric: str) -> Grade:
    answers = tuple(
        CriterionGrade(
            criterion=criterion.title,
            rating="A",
            probabilities={"A": 0.9, "B": 0.1},
            confidence=0.9,
            label_mass=0.99,
            marks=1,
            max_marks=1,
            status=Status.ACCEPTED,
        )
        for criterion in lab.criteria
    )
    names = dict.fromkeys(Provenance.model_fields, "0" * 64)
    hashes = {"rubric_hash": rubric, "submission_hash": submission_hash(submission)}
    return Grade(lab=lab.name, student=submission.student, criteria=answers, provenance=Provenance(**(names | hashes)))


def resident() -> int:
    """Peak memory of this process, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def store_rate(store: Store, lab: Lab, rubric: str) -> float:
    """Grades per second that one writer records, `CHUNK` a transaction, each synced to the disk."""
    known = [
        each.model_copy(update={"student": store.pseudonym_for("course", each.student, actor="bench")})
        for each in lab.submissions
    ]
    parts = [known[start : start + CHUNK] for start in range(0, len(known), CHUNK)]
    given = [[synthetic_grade(lab, each, rubric) for each in part] for part in parts]
    started = time.monotonic()
    for part, graded in zip(parts, given, strict=True):
        store.record_grades(lab, part, graded, request=secrets.token_hex(8), actor="bench")
    return len(known) / (time.monotonic() - started)


def job_start_seconds(store: Store, lab: Lab) -> float:
    """Duration of starting a job with new students only, which blocks all recording of grades."""
    started = time.monotonic()
    JobRepository(store.database).add(secrets.token_hex(8), lab, actor="bench")
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--store")
    chosen = parser.parse_args()
    before = resident()
    lab = synthetic_lab(chosen.submissions)
    with_lab = resident()
    rubric = rubric_hash(lab)
    grades = [synthetic_grade(lab, submission, rubric) for submission in lab.submissions]
    with_grades = resident()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        store = open_store(chosen.store or f"sqlite:///{name}/store.db")
        start_seconds = job_start_seconds(store, lab)
        few = lab.model_copy(update={"submissions": lab.submissions[:2000]})
        recorded = store_rate(store, few, rubric)
        store.close()
    found = {
        "submissions": chosen.submissions,
        "bytes_a_submission": round((with_lab - before) / chosen.submissions),
        "bytes_a_grade": round((with_grades - with_lab) / len(grades)),
        "store": store.database.dialect,
        "job_start_seconds": round(start_seconds, 2),
        "store_grades_a_second": round(recorded),
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
