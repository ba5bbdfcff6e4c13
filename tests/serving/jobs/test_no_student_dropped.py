"""Every student of a lab is in every result of a job, each once: graded, or ungraded with the reason."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.models import NO_SUBMISSION, Lab, UnreadableSubmission
from labs_schema.reading.validate import load_lab
from serving.jobs.in_process.cli_jobs import find_or_create, grade_jobs
from serving.jobs.job import Job, RequestedState, State
from serving.jobs.repository import JobRepository
from serving.jobs.results.export import export
from serving.jobs.results.results import ungraded_results
from serving.store.store import Store
from tests.harness.courses.lab_folders import write_lab

CODES = {
    "s000": "no-program",
    "s001": "symlink",
    "s006": "unknown-archive",
    "s007": NO_SUBMISSION,
    "s008": NO_SUBMISSION,
}


@pytest.fixture
def damaged(make_lab: Callable[..., Lab], tmp_path: Path) -> Path:
    """A lab of six submissions: two are unreadable, one more is a RAR archive, and two students have none."""
    folder = tmp_path / "labs" / "lab1"
    write_lab(make_lab(), folder)
    (folder / "submissions/s000@course/main.c").rename(folder / "submissions/s000@course/main.docx")
    (folder / "submissions/s001@course/main.c").unlink()
    (folder / "submissions/s001@course/main.c").symlink_to("/etc/passwd")
    (folder / "submissions/s006@course.rar").write_bytes(b"Rar!")
    with (folder / "rubric_ratings.csv").open("a") as table:
        table.write("s007@course,1,0,0,1,0\n")
    (folder / "roster.csv").write_text("id,name\ns005,Ann Lee\ns008,Bo Ray\n")
    return folder


def regrade(store: Store, lab: Lab, grader: Any, out: Path) -> Job:
    jobs = JobRepository(store.database)
    known = jobs.cli_jobs("cs101", lab)
    fingerprint = known[0].fingerprint if known else None
    job = find_or_create(store, "cs101", lab, known, fingerprint, again=False, actor="ta")
    job = jobs.request(job.id, RequestedState.RUN, actor="ta")
    if job.finished_at is None:
        grade_jobs(grader, store, {lab.name: (job, lab)}, lambda _: None)
    export(store, job, lab, out)
    jobs.finish(job)
    return jobs.job(job.id)


def rows(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text().splitlines()))


def marks_of(out: Path) -> list[dict[str, str]]:
    header, *others = rows(out / "marks.csv")
    return [dict(zip(header, row, strict=True)) for row in others]


def test_students_in_are_students_out_in_every_file(
    damaged: Path, store: Store, fake_grader: Any, tmp_path: Path
) -> None:
    lab, out = load_lab(damaged), tmp_path / "out"
    job = regrade(store, lab, fake_grader, out)
    students = sorted(lab.students)
    assert students == sorted([*CODES, "s002", "s003", "s004", "s005"]) and job.total == len(students)
    marks = marks_of(out)
    grades = [json.loads(line) for line in (out / "grades.jsonl").read_text().splitlines()]
    table = rows(out / "rubric_ratings.csv")[6:]
    assert sorted(row["student"] for row in marks) == sorted(each["grade"]["student"] for each in grades) == students
    assert sorted(row[0].split("@")[0] for row in table) == students
    ungraded = [row for row in marks if row["reason"]]
    assert ungraded == marks[: len(CODES)]  # they come first
    assert {row["student"]: row["reason"].split(":")[0] for row in ungraded} == CODES
    assert {(row["total"], row["low"], row["high"], row["ungraded"]) for row in ungraded} == {("", "0", "3", "2")}
    assert all(row[1:] == ["0"] * 5 for row in table if row[0].split("@")[0] in CODES)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["students"] == len(students) and sum(summary["unreadable"].values()) == len(CODES)
    progress = JobRepository(store.database).progress(job.id)
    assert (progress.state, progress.graded, len(progress.parked)) == (State.DONE, 4, 5)


def test_finished_job_with_unreadable_submissions_is_not_resumed(
    damaged: Path, store: Store, fake_grader: Any, tmp_path: Path
) -> None:
    lab = load_lab(damaged)
    first = regrade(store, lab, fake_grader, tmp_path / "out")
    again = regrade(store, lab, fake_grader, tmp_path / "out")
    assert (again.id, again.generation, again.finished_at) == (first.id, 1, first.finished_at)


def test_student_added_to_the_roster_later_is_in_the_next_results(
    damaged: Path, store: Store, fake_grader: Any, tmp_path: Path
) -> None:
    first = regrade(store, load_lab(damaged), fake_grader, tmp_path / "out")
    (damaged / "roster.csv").write_text("id,name\ns005,Ann Lee\ns008,Bo Ray\ns009,Cy Fox\n")
    again = regrade(store, load_lab(damaged), fake_grader, tmp_path / "out")
    assert (again.id, again.total) == (first.id, first.total + 1)
    assert "s009" in (tmp_path / "out/marks.csv").read_text()


def test_lab_without_any_readable_program_has_ungraded_results(
    make_lab: Callable[..., Lab], store: Store, fake_grader: Any, tmp_path: Path
) -> None:
    one = UnreadableSubmission(student="s1", folder="s1@cs", code="no-program", reason="no source file")
    lab = make_lab(students=0).model_copy(update={"unreadable": (one,)})
    assert regrade(store, lab, fake_grader, tmp_path / "out").finished_at
    [row] = marks_of(tmp_path / "out")
    assert (row["student"], row["status"], row["reason"]) == ("s1", "needs_review", "no-program: no source file")


def test_person_can_rate_every_student_without_a_readable_program(
    damaged: Path, store: Store, fake_grader: Any, tmp_path: Path
) -> None:
    lab, out = load_lab(damaged), tmp_path / "out"
    job = regrade(store, lab, fake_grader, out)
    unrated = ungraded_results(store, job)
    assert {each.grade.student for each in unrated} == CODES.keys() and len({each.grade_id for each in unrated}) == 5
    for each in unrated:
        for criterion in lab.criteria:
            store.record_override(each.grade_id, criterion.title, "A", "On paper.", request="r", actor="ta")
    assert regrade(store, lab, fake_grader, out).id == job.id
    rated = {row["student"]: (row["status"], row["total"], row["reason"]) for row in marks_of(out)}
    assert {rated[student] for student in CODES} == {("accepted", "3", "")}
    [history] = [store.read_history(each.grade_id) for each in unrated if each.grade.student == "s000"]
    assert set(history.ratings.values()) == {"A"} and history.grade.grade.provenance is None
    progress = JobRepository(store.database).progress(job.id)
    assert (progress.graded, len(progress.parked)) == (4, 5) and store.verify().faults == ()


def test_override_reaches_every_member_of_a_group_without_a_program(
    make_lab: Callable[..., Lab], store: Store, fake_grader: Any, tmp_path: Path
) -> None:
    team = {"folder": "team", "code": "no-program", "reason": "no source file"}
    unreadable = tuple(UnreadableSubmission(student=each, **team) for each in ("s100", "s200"))
    lab = make_lab(students=1).model_copy(update={"unreadable": unreadable})
    job = regrade(store, lab, fake_grader, tmp_path / "out")
    one, other = ungraded_results(store, job)
    assert JobRepository(store.database).group_grades(store.read_history(one.grade_id).grade) == [other.grade_id]


def test_group_work_is_graded_once_and_every_member_gets_the_grade(
    make_lab: Callable[..., Lab], store: Store, fake_grader: Any, fake_engine: Any, tmp_path: Path
) -> None:
    lab = make_lab(students=3)
    group = lab.submissions[0].model_copy(update={"members": ("s000", "s100", "s200"), "folder": "team"})
    lab = lab.model_copy(update={"submissions": (group, *lab.submissions[1:])})
    job = regrade(store, lab, fake_grader, tmp_path / "out")
    assert sum(map(len, fake_engine.calls)) == 3 * len(lab.criteria)
    totals = {row["student"]: row["total"] for row in marks_of(tmp_path / "out")}
    assert totals.keys() == {"s000", "s100", "s200", "s001", "s002"} and len({totals[s] for s in group.students}) == 1
    progress = JobRepository(store.database).progress(job.id)
    assert (progress.graded, job.total) == (5, 5)
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert summary["rated_by_both"] == 6  # a TA's rating of the group counts once
    store.forget_student("s100", actor="admin")
    export(store, job, lab, tmp_path / "out")
    assert {row["student"] for row in marks_of(tmp_path / "out")} == {"s000", "s200", "s001", "s002"}
