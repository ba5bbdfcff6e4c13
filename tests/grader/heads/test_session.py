"""A labelling session: proposals, refits, estimates, and its files."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from grader.heads.base import HeadBase
from grader.heads.fitting import HeldOut
from grader.heads.label_files import VERSIONS, append_version, save_ratings
from grader.heads.session import LabelSession, estimate
from labs_schema.errors import GraderError
from labs_schema.models import HumanGrade, Lab
from labs_schema.reading.validate import load_lab
from tests.harness.courses.lab_folders import write_lab
from tests.harness.processes.forking import ROOT


@pytest.fixture
def session(labs: list[Lab], base: HeadBase) -> LabelSession:
    """A lab without ratings of one criterion, next to a rated lab."""
    unrated = labs[0].model_copy(update={"human_grades": (), "criteria": labs[0].criteria[1:]})
    return LabelSession(unrated, [labs[1]], base)


def rate_next(session: LabelSession) -> str:
    [proposed] = session.next_submissions()
    criterion = session.lab.criteria[0]
    session.rate(proposed.student, criterion.title, criterion.ratings[int(proposed.student[1:]) % 2].title)
    return proposed.student


def test_every_program_is_proposed_once_until_all_are_rated(session: LabelSession) -> None:
    session.refit()
    rated = [rate_next(session) for _ in range(20)]
    assert len(set(rated)) == 20
    assert session.next_submissions() == []


def test_skipped_students_are_not_proposed(session: LabelSession) -> None:
    first = session.next_submissions()[0].student
    assert first not in [s.student for s in session.next_submissions(20, [first])]


def test_a_version_has_an_estimate_of_this_lab_only(session: LabelSession) -> None:
    assert session.refit().estimate is None
    for _ in range(10):
        rate_next(session)
    found = session.refit().estimate
    assert found is not None
    assert (found.programs, found.decisions) == (10, 10)
    assert 0 <= found.low <= found.agreement <= found.high <= 1
    assert found.agreement > 0.8


def test_the_same_ratings_give_the_same_version(session: LabelSession) -> None:
    first = session.refit()
    again = session.refit()
    rate_next(session)
    third = session.refit()
    assert (first.head_hash, first.ratings_hash) == (again.head_hash, again.ratings_hash)
    assert third.head_hash != first.head_hash


def test_an_unknown_rating_is_refused(session: LabelSession) -> None:
    with pytest.raises(KeyError):
        session.rate("s000", session.lab.criteria[0].title, "Z")
    assert session.ratings == {}


def test_the_majority_baseline_leaves_the_student_out() -> None:
    held_out = [
        HeldOut("lab", f"s{i}", f"s{i}", "c", given, (0.9, 0.1), ("A", "B")) for i, given in enumerate(["A", "A", "B"])
    ]
    found = estimate(held_out)
    assert found is not None
    assert found.agreement == pytest.approx(2 / 3)
    assert found.majority == pytest.approx(2 / 3)  # for each A the others are a tie, which goes to the first rating


def test_the_interval_of_two_students_is_wide_although_they_agree() -> None:
    held_out = [HeldOut("lab", f"s{i}", f"s{i}", "c", "A", (0.9, 0.1), ("A", "B")) for i in range(2)]
    found = estimate(held_out)
    assert found is not None
    assert (found.agreement, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.342, abs=0.001)  # 2 / (2 + 1.96^2)


def test_saved_ratings_are_the_labs_ratings(labs: list[Lab], tmp_path: Path) -> None:
    lab = labs[0].model_copy(
        update={"human_grades": tuple(g.model_copy(update={"rater": "ada"}) for g in labs[0].human_grades)}
    )
    folder = tmp_path / lab.name
    write_lab(lab, folder)
    ratings = {"s003": {lab.criteria[0].title: "C", lab.criteria[1].title: "B"}}
    save_ratings(lab, ratings, folder)
    again = load_lab(folder)
    assert again.ratings_by_student == ratings
    assert {grade.rater for grade in again.human_grades} == {"ada"}
    assert not list(folder.glob(".*"))


def test_comments_and_rows_of_other_students_stay(labs: list[Lab], tmp_path: Path) -> None:
    first, second, *rest = labs[0].human_grades
    grades = (first.model_copy(update={"comment": "Good."}), second.model_copy(update={"rating": None}), *rest)
    lab = labs[0].model_copy(update={"human_grades": grades})
    folder = tmp_path / lab.name
    write_lab(lab, folder)
    read = load_lab(folder)
    save_ratings(read, {**read.ratings_by_student, second.student: {second.criterion: "B"}}, folder)
    again = load_lab(folder)
    assert {(g.student, g.comment) for g in again.human_grades if g.comment} == {(first.student, "Good.")}
    assert again.ratings_by_student[second.student] == {second.criterion: "B"}
    assert again.ratings_by_student[first.student] == {first.criterion: first.rating}


def test_a_lab_with_ratings_in_a_spreadsheet_is_refused(labs: list[Lab], tmp_path: Path) -> None:
    (tmp_path / "rubric_ratings.xlsx").write_bytes(b"")
    with pytest.raises(GraderError) as refused:
        save_ratings(labs[0], {}, tmp_path)
    assert refused.value.code == "ratings-not-csv"


def test_versions_are_appended(session: LabelSession, tmp_path: Path) -> None:
    for _ in range(2):
        rate_next(session)
        append_version(session.refit(), tmp_path / "out")
    lines = (tmp_path / "out" / VERSIONS).read_text().splitlines()
    assert [json.loads(line)["programs"] for line in lines] == [1, 2]


SAVE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from grader.heads.label_files import save_ratings
from labs_schema.reading.validate import load_lab
folder = Path(sys.argv[1])
lab = load_lab(folder)
title = lab.criteria[1].title
ratings = {}
for i in range(7):
    ratings[f"s{i:03d}"] = {title: "A"}
    save_ratings(lab, ratings, folder)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_session_loses_no_rating(labs: list[Lab], tmp_path: Path) -> None:
    grade = HumanGrade(student="s000", criterion=labs[0].criteria[1].title, rating="B")
    folder = tmp_path / "lab1"
    write_lab(labs[0].model_copy(update={"human_grades": (grade,)}), folder)
    killed = subprocess.run(
        [sys.executable, "-c", SAVE_AND_DIE, str(folder)], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert sorted(load_lab(folder).ratings_by_student) == [f"s{i:03d}" for i in range(7)]
