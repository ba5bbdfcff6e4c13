"""The table of marks: ranges for ungraded criteria, and overrides instead of the model's ratings."""

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labs_schema.models import Lab, Rating
from serving.engines.engine import LabelScores
from serving.jobs.in_process.cli_jobs import grade_jobs
from serving.jobs.job import Job
from serving.jobs.repository import JobRepository
from serving.jobs.results.export import export
from serving.jobs.results.marks_table import COLUMNS, write_marks
from serving.jobs.results.results import results
from serving.store.store import Store

COMPILES, READABLE = "Does it compile?", "Is it readable?"


def graded(store: Store, lab: Lab, grader: Any) -> Job:
    job = JobRepository(store.database).add("cs101", lab, actor="ta", cli=True)
    grade_jobs(grader, store, {lab.name: (job, lab)}, lambda _: None)
    return job


def rows(path: Path) -> list[str]:
    return [",".join(row) for row in csv.reader(path.read_text().splitlines())]


def test_marks_are_current_and_a_total_with_an_ungraded_criterion_is_a_range(
    make_lab: Callable[..., Lab], store: Store, fake_grader: Any, tmp_path: Path
) -> None:
    lab = make_lab(students=4)
    empty = [each.model_copy(update={"files": ()}) for each in lab.submissions[1:3]]
    lab = lab.model_copy(update={"submissions": (lab.submissions[0], *empty, lab.submissions[3])})
    job = graded(store, lab, fake_grader)
    header = ",".join((*COLUMNS, COMPILES, READABLE))
    machines = ["accepted,0,0,3,,,3,,2,1", "needs_review,2,2,,0,3,3,,,", "needs_review,2,2,,0,3,3,,,"]
    export(store, job, lab, tmp_path)
    assert rows(tmp_path / "marks.csv")[:4] == [header, *(f"s00{i},{row}" for i, row in enumerate(machines))]
    grades = {store.read_student(each.student).student: each.id for each in store.read_grades(job.id)}
    changed = [("s001", COMPILES, "B"), ("s002", COMPILES, "A"), ("s002", READABLE, "B"), ("s003", COMPILES, "C")]
    for student, criterion, rating in changed:
        store.record_override(
            grades[student], criterion, rating, "I ran it.", request=f"{student}{criterion}", actor="ta"
        )
    export(store, job, lab, tmp_path)
    assert rows(tmp_path / "marks.csv") == [
        header,
        "s000,accepted,0,0,3,,,3,,2,1",
        "s001,needs_review,1,1,,1,2,3,,1,",
        "s002,accepted,0,0,2,,,3,,2,0",
        "s003,accepted,0,0,1,,,3,,0,1",
    ]


def test_confirmed_criterion_needs_no_review(
    make_lab: Callable[..., Lab], store: Store, fake_grader: Any, fake_engine: Any, tmp_path: Path
) -> None:
    lab = make_lab(students=1)
    fake_engine.answer = lambda request: LabelScores(tuple(math.log(s) for s in (0.4, 0.3, 0.3)[: len(request.labels)]))
    job = graded(store, lab, fake_grader)
    export(store, job, lab, tmp_path)
    assert rows(tmp_path / "marks.csv")[1] == "s000,needs_review,1,0,3,,,3,,2,1"
    [grade] = [each.id for each in store.read_grades(job.id)]
    store.record_override(grade, COMPILES, "A", "It does.", request="r", actor="ta")
    export(store, job, lab, tmp_path)
    assert rows(tmp_path / "marks.csv")[1] == "s000,accepted,0,0,3,,,3,,2,1"


def test_cells_are_never_formulas_and_no_marks_means_no_total(
    make_lab: Callable[..., Lab], store: Store, fake_grader: Any, tmp_path: Path
) -> None:
    lab = make_lab(students=1)
    plain = lab.criteria[0].model_copy(update={"title": "=1+1", "ratings": (Rating(title="A"), Rating(title="B"))})
    someone = lab.submissions[0].model_copy(update={"student": "@s0"})
    changed = {"criteria": (plain, lab.criteria[1]), "submissions": (someone,), "human_grades": ()}
    lab = lab.model_copy(update=changed)
    write_marks(lab, results(store, graded(store, lab, fake_grader)), tmp_path / "marks.csv")
    assert rows(tmp_path / "marks.csv") == [",".join((*COLUMNS, "'=1+1", READABLE)), "'@s0,accepted,0,0,,,,,,,1"]
