"""CLI regrades: each submission is graded once by one model, also after kills, locally and remotely."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.grades import Grade
from labs_schema.models import Lab
from serving.jobs.job import RequestedState, State
from serving.jobs.repository import JobRepository
from serving.jobs.results.results import Result
from serving.store.store import Store
from tests.harness.errors import raises_code


def written(out: Path) -> dict[str, Any]:
    """File name -> content, without the ids that the store gave the grades."""
    texts = {path.name: path.read_text() for path in out.iterdir()}
    lines = texts.pop("grades.jsonl").splitlines()
    return {**texts, "grades": [Result.model_validate_json(line).model_copy(update={"grade_id": ""}) for line in lines]}


@pytest.mark.parametrize("remote", [(False, False), (False, True), (True, False), (True, True)])
def test_killed_run_resumes_with_equal_results_locally_and_remotely(
    make_lab: Callable[..., Lab], store: Store, tmp_path: Path, remote: tuple[bool, bool], steady: Any, regrade: Any
) -> None:
    lab = make_lab(students=7)
    regrade(store, lab, tmp_path / "complete", steady())
    for lives in (0, 1, 3):
        first, second, out, course = steady(lives=lives), steady(), tmp_path / str(lives), f"cs{lives}"
        with pytest.raises(steady.killed):
            regrade(store, lab, out, first, course=course, remote=remote[0])
        assert not out.exists()
        job = regrade(store, lab, out, second, course=course, remote=remote[1])
        assert JobRepository(store.database).cli_jobs(course, lab) == [JobRepository(store.database).job(job.id)]
        assert sorted(first.graded + second.graded) == sorted(each.files[0].text for each in lab.submissions)
        progress = JobRepository(store.database).progress(job.id)
        assert (progress.state, progress.graded, progress.parked) == (State.DONE, 7, ())
        assert written(out) == written(tmp_path / "complete")
    assert store.verify().faults == ()


def test_finished_job_is_exported_again_and_regraded_only_with_again(
    make_lab: Callable[..., Lab], store: Store, tmp_path: Path, steady: Any, regrade: Any
) -> None:
    lab = make_lab(students=3)
    job = regrade(store, lab, tmp_path / "a", steady())
    for remote in (False, True):
        grader = steady()
        assert regrade(store, lab, tmp_path / f"b{remote}", grader, remote=remote).id == job.id
        assert grader.graded == [] and written(tmp_path / "a") == written(tmp_path / f"b{remote}")
    with pytest.raises(steady.killed):
        regrade(store, lab, None, steady(lives=1), again=True)
    grader = steady()
    other = regrade(store, lab, tmp_path / "c", grader, again=True)  # resumes the new job
    assert (
        other.id != job.id
        and len(grader.graded) == 1
        and len(JobRepository(store.database).cli_jobs("cs101", lab)) == 2
    )


@pytest.mark.parametrize("changed", ["model", "rubric", "program", "students", "course"])
def test_other_model_or_work_gets_its_own_job(
    changed: str, make_lab: Callable[..., Lab], store: Store, tmp_path: Path, steady: Any, regrade: Any
) -> None:
    lab, grader = make_lab(students=3), steady(model="other" if changed == "model" else "m")
    with pytest.raises(steady.killed):
        regrade(store, lab, None, steady(lives=1))
    [first] = JobRepository(store.database).cli_jobs("cs101", lab)
    edited: dict[str, Any] = {
        "rubric": {"criteria": lab.criteria[:1], "human_grades": ()},
        "program": {"submissions": (lab.submissions[0].model_copy(update={"files": lab.submissions[1].files}),)},
        "students": {"submissions": lab.submissions[1:]},
        "course": {"name": "lab2", "rater_grades": ()},
    }.get(changed, {})
    lab = lab.model_copy(update=edited)
    for remote in (True, False):
        regrade(store, lab, tmp_path / "out", grader, remote=remote)
    assert len(grader.graded) == len(lab.submissions)
    assert JobRepository(store.database).job(first.id) == first
    assert JobRepository(store.database).progress(first.id).graded == 2


def test_failing_submission_is_parked_reported_and_retried_by_the_next_run(
    make_lab: Callable[..., Lab], store: Store, tmp_path: Path, steady: Any, regrade: Any
) -> None:
    lab = make_lab(students=5)
    job = regrade(store, lab, tmp_path, steady(poison=["return 4;"]))
    assert JobRepository(store.database).progress(job.id).graded == 4
    written = (tmp_path / "grades.jsonl").read_text().splitlines()
    lines = [Result.model_validate_json(line).grade for line in written]
    assert [grade.student for grade in lines] == ["s002", "s000", "s001", "s003", "s004"]  # ungraded ones first
    assert {answer.ungraded for answer in lines[0].criteria} == {"parked: RuntimeError"}
    assert lines[0].provenance is None
    assert "ungraded: parked: RuntimeError" in (tmp_path / "rubric_comments.csv").read_text()
    grader = steady()
    assert regrade(store, lab, tmp_path, grader).id == job.id
    assert grader.graded == [lab.submissions[2].files[0].text]
    assert "parked" not in (tmp_path / "grades.jsonl").read_text()


@pytest.mark.parametrize("remote", [False, True])
def test_job_paused_and_resumed_during_a_chunk_does_not_finish_without_it(
    remote: bool,
    make_lab: Callable[..., Lab],
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steady: Any,
    regrade: Any,
) -> None:
    lab, jobs, grader = make_lab(students=6), JobRepository(store.database), steady(poison=["return 4;"])
    grade = grader.grade

    def interrupted(*args: Any, **options: Any) -> list[Grade]:
        monkeypatch.setattr(grader, "grade", grade)
        [job] = jobs.cli_jobs("cs101", lab)
        for state in (RequestedState.PAUSE, RequestedState.RUN):
            jobs.request(job.id, state, actor="ta")
        return grade(*args, **options)

    monkeypatch.setattr(grader, "grade", interrupted)
    with raises_code("job-stopped"):
        regrade(store, lab, tmp_path / "out", grader, remote=remote)
    assert not (tmp_path / "out").exists()
    job = regrade(store, lab, tmp_path / "out", steady(), remote=remote)
    assert jobs.progress(job.id).graded == 6


def test_interrupt_isolates_no_submission(
    make_lab: Callable[..., Lab], store: Store, steady: Any, regrade: Any
) -> None:
    lab, calls = make_lab(students=2), list[int]()

    class Stopped(steady):
        def grade(self, lab: Lab, submissions: Any, **options: Any) -> list[Grade]:
            calls.append(len(submissions))
            if len(calls) == 1:
                raise KeyboardInterrupt
            return super().grade(lab, submissions, **options)

    with pytest.raises(KeyboardInterrupt):
        regrade(store, lab, None, Stopped())
    regrade(store, lab, None, Stopped())
    assert calls == [2, 2]


def test_failed_answer_is_retried_for_its_submission_alone(
    make_lab: Callable[..., Lab], store: Store, fake_engine: Any, fake_grader: Any, regrade: Any
) -> None:
    from serving.engines.engine import EngineFailure, LabelScores

    lab = make_lab(students=2)
    fake_engine.script = [LabelScores((-0.1, -3.0, -3.0)), EngineFailure("the engine gave no answer")]
    job = regrade(store, lab, None, fake_grader)
    answers = [
        answer.ungraded for stored in store.read_grades(job.id) if stored.grade for answer in stored.grade.criteria
    ]
    assert answers == [None] * 4 and [len(call) for call in fake_engine.calls] == [4, 2]
