"""Reviews enter the labs' tables, and a retrained model's changes are shown before anything is stored."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.regrade import diff
from grader.reviews import save_reviews
from grader.service.local_store import local_store
from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.models import Lab, Submission
from labs_schema.reading.validate import load_lab
from serving.jobs.chunk import grade_chunk
from serving.jobs.repository import JobRepository
from serving.review.labelling.proposed_grades import read_proposal
from serving.store.store import Store
from tests.harness.courses.lab_folders import write_lab
from tests.harness.errors import raises_code

COMPILES, READABLE = "Does it compile?", "Is it readable?"


def rated(lab: Lab, submission: Submission, rating: str = "A") -> Grade:
    """The grade of a model that rates every criterion with `rating`."""
    source: dict[str, Any] = {name: name for name in Provenance.model_fields}
    source |= {"rubric_hash": rubric_hash(lab), "submission_hash": submission_hash(submission)}
    source |= {"observations_hash": None}
    criteria = tuple(
        CriterionGrade(criterion=c.title, rating=rating, marks=c.rating(rating).marks, max_marks=c.max_marks)
        for c in lab.criteria
    )
    return Grade(lab=lab.name, student=submission.student, criteria=criteria, provenance=Provenance(**source))


class Backend:
    def __init__(self, store: Store, lab: Lab) -> None:
        self.store, self.jobs, self._lab = store, JobRepository(store.database), lab

    def lab(self, _: object) -> Lab:
        return self._lab

    def observe(self, _: object, submissions: Any) -> Any:
        return submissions

    def grade(self, lab: Lab, submissions: Any) -> Any:
        return [rated(lab, each) for each in submissions]


@pytest.fixture
def graded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_lab: Callable[..., Lab]
) -> tuple[Path, dict[str, str]]:
    """A course with a lab that a job has graded; student -> grade id. s003 has no rating by a TA."""
    monkeypatch.setenv("GRADER_STORE", str(tmp_path / "grader.db"))
    lab = make_lab(students=4)
    by_tas = tuple(each for each in lab.human_grades if each.student != "s003")
    write_lab(lab.model_copy(update={"human_grades": by_tas}), tmp_path / "cs101" / "lab1")
    with local_store() as store:
        lab = load_lab(tmp_path / "cs101" / "lab1")
        backend: Any = Backend(store, lab)
        job = backend.jobs.add("cs101", lab, actor="ta")
        for number in range(job.chunks):
            grade_chunk(backend, job.id, number)
        backend.jobs.finish(job)
        ids = {str(store.read_student(each.student).student): each.id for each in store.read_grades(job.id)}
    return tmp_path / "cs101", ids


def override(grade_id: str, criterion: str, rating: str, why: str = "") -> None:
    with local_store() as store:
        store.record_override(grade_id, criterion, rating, why, request=f"{criterion}{rating}", actor="ta1")


def saved(parent: Path) -> Any:
    with local_store() as store:
        [found] = save_reviews(store, parent, "cs101")
    return found


def test_decisions_outrank_cells_and_are_listed(graded: tuple[Path, dict[str, str]]) -> None:
    parent, ids = graded
    before = load_lab(parent / "lab1").ratings_by_student
    assert before["s000"] == {COMPILES: "A", READABLE: "B"} and "s003" not in before
    override(ids["s000"], COMPILES, "C", "It does not link.")
    override(ids["s001"], COMPILES, before["s001"][COMPILES])
    override(ids["s003"], READABLE, "B")
    found = saved(parent)
    assert [(each.student, each.before, each.now) for each in found.cells] == [("s000", "A", "C"), ("s003", None, "B")]
    assert (found.added, found.same, found.outdated) == (1, 1, 0)
    lab = load_lab(parent / "lab1")
    assert lab.ratings_by_student["s000"] == {COMPILES: "C", READABLE: "B"}
    assert lab.ratings_by_student["s003"] == {READABLE: "B"}
    assert lab.ratings_by_student["s002"] == before["s002"]
    assert [each.comment for each in lab.human_grades if each.comment] == ["It does not link."]
    assert saved(parent).cells == ()


def test_decisions_on_other_files_or_another_rubric_are_not_used(graded: tuple[Path, dict[str, str]]) -> None:
    parent, ids = graded
    override(ids["s000"], COMPILES, "C")
    override(ids["s001"], COMPILES, "C")
    (parent / "lab1" / "submissions" / "s000@course" / "main.c").write_text("int main(void) { return 9; }\n")
    rubric = parent / "lab1" / "rubrics.json"
    rubric.write_text(rubric.read_text().replace("Does it compile?", "Does it build?"))
    (parent / "lab1" / "rubric_ratings.csv").unlink()
    found = saved(parent)
    assert found.outdated == 2 and found.cells == () and not (parent / "lab1" / "rubric_ratings.csv").exists()


def test_build_dataset_reports_what_reviews_changed(graded: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    parent, ids = graded
    override(ids["s003"], COMPILES, "B")
    words = ["build-dataset", "--parent-dir", str(parent), "--from-reviews", "--json"]
    words += ["--train-dataset-path", str(tmp_path / "d" / "train.jsonl")]
    result = CliRunner().invoke(app, [*words, "--test-dataset-path", str(tmp_path / "d" / "test.jsonl")])
    assert result.exit_code == 0, result.output
    [lab] = json.loads(result.stdout)["reviews"]
    assert lab["cells"] == [{"student": "s003", "criterion": COMPILES, "before": None, "now": "B"}]


class Retrained:
    """Rates every criterion B."""

    def grade(self, lab: Lab, submissions: Any) -> list[Any]:
        return [rated(lab, each, "B") for each in submissions]

    def close(self) -> None: ...


def test_the_changes_of_a_retrained_model_are_shown_and_nothing_is_stored(
    graded: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    parent, ids = graded
    override(ids["s000"], COMPILES, "A")
    monkeypatch.setattr(diff, "load_grader", lambda *_: Retrained())
    stored = (tmp_path / "grader.db").read_bytes()
    result = CliRunner().invoke(app, ["regrade", str(parent / "lab1"), "--model", str(tmp_path), "--diff", "--json"])
    assert result.exit_code == 0, result.output
    [found] = json.loads(result.stdout)
    assert found["compared"] == 8 and found["decisions"] == 1 and found["now_agrees"] == 0
    assert {each["now"] for each in found["changes"]} == {"B"}
    assert [(each["student"], each["before"]) for each in found["changes"] if each["decided"]] == [("s000", "A")]
    text = CliRunner().invoke(app, ["regrade", str(parent / "lab1"), "--model", str(tmp_path), "--diff"]).output
    assert "lab1: " in text and "s000" in text
    assert (tmp_path / "grader.db").read_bytes() == stored


def test_a_proposal_is_what_the_page_of_the_lab_shows(
    graded: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    parent, ids = graded
    monkeypatch.setattr(diff, "load_grader", lambda *_: Retrained())
    words = ["regrade", str(parent / "lab1"), "--model", str(tmp_path), "--propose", "--json"]
    assert CliRunner().invoke(app, words).exit_code == 0
    with local_store() as store:
        found = read_proposal(store, "cs101", "lab1")
        assert found and {each.student for each in found.grades} == set(ids)
        assert {answer.rating for each in found.grades for answer in each.criteria} == {"B"}
        assert set(store.read_history(ids["s000"]).ratings.values()) == {"A"}


def test_a_diff_needs_an_earlier_regrade(
    tmp_path: Path, make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADER_STORE", str(tmp_path / "grader.db"))
    write_lab(make_lab(students=1), tmp_path / "c" / "lab1")
    with raises_code("nothing-to-compare", "--course"):
        diff.diff_labs([tmp_path / "c" / "lab1"], "model", ["c"], diff.GraderOptions())
