"""`grader forget`: no byte of forgotten work remains in store, WAL, exports and datasets."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader import forgetting
from grader.cli import app
from grader.forgetting import in_days
from grader.service.local_store import local_store
from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.hashes import rubric_hash, submission_hash, submission_key
from labs_schema.models import HumanGrade, Lab, SourceFile, Submission
from labs_schema.settings import Settings
from prompts.style import PromptStyle
from serving.jobs.in_process.cli_jobs import grade_jobs
from serving.jobs.repository import JobRepository
from serving.jobs.results.export import export
from serving.store.store import Store, open_store
from tests.harness.courses.lab_folders import write_lab
from training.dataset.build import DatasetOptions, build_dataset

OLD = "ZEBRA"


class FirstRatings:
    """A grader that always gives the first rating."""

    def grade(self, lab: Lab, submissions: Sequence[Submission], *, reasoning: bool = False) -> list[Grade]:
        del reasoning
        answers = tuple(CriterionGrade(criterion=c.title, rating=c.ratings[0].title) for c in lab.criteria)
        return [
            Grade(lab=lab.name, student=s.student, criteria=answers, provenance=self.provenance(lab, s))
            for s in submissions
        ]

    def provenance(self, lab: Lab, submission: Submission, *, reasoning: bool = False) -> Provenance:
        del reasoning
        source = dict.fromkeys(Provenance.model_fields, "0")
        hashes = {
            "rubric_hash": rubric_hash(lab),
            "submission_hash": submission_hash(submission),
            "observations_hash": None,
        }
        return Provenance(**source | hashes)


@pytest.fixture
def forget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("GRADER_STORE", f"sqlite:///{tmp_path}/store/grader.db")
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, ["forget", *arguments])


@pytest.fixture
def long_ago(forget: Callable[..., Any]) -> Iterator[Store]:
    """The store, with a clock three years ago."""
    del forget  # sets GRADER_STORE
    store = open_store(Settings().store, lambda: datetime.now(UTC) - timedelta(days=3 * 365))
    yield store
    store.close()


def lab_of(make_lab: Callable[..., Lab], name: str, mark: str) -> Lab:
    lab = make_lab(name=name, students=4)
    files = (SourceFile(path=f"{mark}-FILE.c", text=f"int {mark}_CODE; // {mark}-ID\n" * 300),)
    first = lab.submissions[0].model_copy(update={"student": f"{mark}-ID", "folder": f"{mark}-ID@c", "files": files})
    grades = [HumanGrade(student=f"{mark}-ID", criterion=c.title, rating="A") for c in lab.criteria]
    submissions = (first, *lab.submissions[1:])
    return lab.model_copy(update={"submissions": submissions, "human_grades": (*lab.human_grades, *grades)})


def regraded(store: Store, lab: Lab, course: str, out: Path) -> None:
    job = JobRepository(store.database).add(course, lab, actor="ta", cli=True)
    grade_jobs(FirstRatings(), store, {lab.name: (job, lab)}, lambda _: None)
    export(store, job, lab, out)


def bytes_in(*folders: Path) -> bytes:
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return b"".join(str(path).encode() + path.read_bytes() for path in paths)


def test_no_byte_of_old_work_remains(
    forget: Callable[..., Any], long_ago: Store, make_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    old, new = lab_of(make_lab, "lab1", OLD), lab_of(make_lab, "lab2", "HORSE")
    regraded(long_ago, old, "cs101", tmp_path / "out" / "old")
    someone = long_ago.pseudonym_for("cs101", f"{OLD}-ID", actor="api")
    claim = long_ago.claims.take("key1 /grade", "k", f"{OLD}-BODY", student=someone)
    long_ago.claims.record_answer(claim, f"{OLD}-ANSWER")
    with local_store() as store:
        regraded(store, new, "cs101", tmp_path / "out" / "new")
    write_lab(old, tmp_path / "labs" / "lab1")
    data = tmp_path / "data"
    build_dataset(tmp_path / "labs", data / "train.jsonl", data / "test.jsonl", DatasetOptions(style=PromptStyle()))
    places = (tmp_path / "store", tmp_path / "out", data)
    assert all(f"{OLD}-{what}".encode() in bytes_in(*places) for what in ("ID", "FILE", "ANSWER"))
    long_ago.close()
    result = forget("--course", "cs101", "--older-than", "2y", "--data", str(data))
    assert result.exit_code == 0, result.output
    assert "1 students forgotten" in result.output and OLD not in result.output
    assert "3 export files changed" in result.output and "3 rows removed from" in result.output
    left = bytes_in(*places)
    assert OLD.encode() not in left and submission_key("lab1", f"{OLD}-ID").encode() not in left
    assert b"HORSE-ID" in left and b"HORSE_CODE" in left and b"s001" in left
    with local_store() as store:
        assert store.verify().faults == ()


def test_forgetting_in_one_course_keeps_results_of_the_other(
    forget: Callable[..., Any], make_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = lab_of(make_lab, "lab1", OLD)
    with local_store() as store:
        for course in ("cs101", "cs102"):
            regraded(store, lab, course, tmp_path / course)
    forget(f"{OLD}-ID", "--course", "cs101")
    assert [OLD.encode() in bytes_in(tmp_path / course) for course in ("cs101", "cs102")] == [False, True]
    forget(f"{OLD}-ID")
    assert OLD.encode() not in bytes_in(tmp_path / "cs102")


def test_student_who_becomes_inactive_meanwhile_is_not_forgotten(
    forget: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_lab: Callable[..., Lab]
) -> None:
    del forget  # sets GRADER_STORE

    class Clock:
        times = iter([datetime.now(UTC), datetime.now(UTC) + timedelta(days=900)])

        def now(self, _: object) -> datetime:
            return next(self.times)

    with local_store() as store:
        regraded(store, lab_of(make_lab, "lab1", OLD), "cs101", tmp_path / "out")
    monkeypatch.setattr(forgetting, "datetime", Clock())
    erased = forgetting.forget_inactive(400, "cs101", forgetting.Scope(course="cs101"))
    assert erased.students == 0 and OLD.encode() in bytes_in(tmp_path / "out")


def test_unreadable_dataset_is_reported_before_anything_is_deleted(
    forget: Callable[..., Any], make_lab: Callable[..., Lab], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, data = lab_of(make_lab, "lab1", OLD), tmp_path / "data"
    with local_store() as store:
        regraded(store, lab, "cs101", tmp_path / "out")
    write_lab(lab, tmp_path / "labs" / "lab1")
    build_dataset(tmp_path / "labs", data / "train.jsonl", data / "test.jsonl", DatasetOptions(style=PromptStyle()))
    monkeypatch.setenv("GRADER_SECRET", str(tmp_path / "another.key"))
    before = bytes_in(tmp_path / "out", data)
    assert forget(f"{OLD}-ID", "--data", str(data)).exit_code == 1
    assert bytes_in(tmp_path / "out", data) == before
    with local_store() as store:
        assert store.forget_student(f"{OLD}-ID", actor="admin").students == 1


def test_dataset_without_pseudonyms_must_be_rebuilt(
    forget: Callable[..., Any], make_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    lab, data = lab_of(make_lab, "lab1", OLD), tmp_path / "data"
    with local_store() as store:
        regraded(store, lab, "cs101", tmp_path / "out")
    write_lab(lab, tmp_path / "labs" / "lab1")
    files = (data / "train.jsonl", data / "test.jsonl")
    build_dataset(tmp_path / "labs", *files, DatasetOptions(style=PromptStyle(), row_format="messages"))
    result = forget(f"{OLD}-ID", "--data", str(data))
    assert (
        result.exit_code == 0
        and f"{data} STILL CONTAINS THE SUBMISSIONS" in result.output
        and "build-dataset" in result.output
    )
    assert OLD.encode() not in bytes_in(tmp_path / "out", tmp_path / "store")
    assert "with --data" not in result.output and "with --data" in forget(f"{OLD}-ID").output


def test_moved_export_is_reported_until_it_is_named(
    forget: Callable[..., Any], make_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    with local_store() as store:
        regraded(store, lab_of(make_lab, "lab1", OLD), "cs101", tmp_path / "out")
    moved = (tmp_path / "out").rename(tmp_path / "moved")
    assert f"--export: {tmp_path / 'out'}" in forget(f"{OLD}-ID").output
    assert OLD.encode() in bytes_in(moved)
    forget(f"{OLD}-ID", "--export", str(moved))
    assert OLD.encode() not in bytes_in(moved)


def test_email_address_is_an_id_in_tables(forget: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("mr@uni.example,1\nmr@other.example,2\nmr,3\n")
    forget("mr@uni.example", "--export", str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_text() == "mr@other.example,2\nmr,3\n"


def test_anonymous_work_is_forgotten_by_month(forget: Callable[..., Any], long_ago: Store) -> None:
    first = long_ago.pseudonym_for("cs101", "", actor="api")
    assert first == long_ago.pseudonym_for("cs101", "", actor="api")
    with local_store() as store:
        now = store.pseudonym_for("cs101", "", actor="api")
        assert now != first
        assert "1 students forgotten" in forget("--course", "cs101", "--older-than", "400").output
        assert (store.read_student(first).student, store.read_student(now).student is None) == (None, False)


def test_empty_id_removes_nothing_from_exports(forget: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,,b\n")
    assert forget("", "--export", str(tmp_path / "a.csv")).exit_code == 0
    assert (tmp_path / "a.csv").read_text() == "a,,b\n"


def test_units_of_older_than(forget: Callable[..., Any]) -> None:
    assert [in_days(text) for text in ("400", "30d", "2w", "2y")] == [400, 30, 14, 730.5]
    for wrong in ("long", "101y"):
        assert forget("--course", "c", "--older-than", wrong).exit_code == 2
