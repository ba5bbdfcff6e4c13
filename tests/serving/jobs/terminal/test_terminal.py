"""A regrade at a terminal: every submission once, whatever was killed when, here or from afar, and never two models."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import GraderError
from labs_schema.grades import Grade
from labs_schema.models import Lab
from serving.jobs.job import RequestedState, State
from serving.jobs.repository import JobRepository
from serving.jobs.results import Result
from serving.store.store import Store


def written(out: Path) -> dict[str, Any]:
    """Name -> what the file says; of grades, all but the names that the store gave them."""
    texts = {path.name: path.read_text() for path in out.iterdir()}
    lines = texts.pop("grades.jsonl").splitlines()
    return {**texts, "grades": [Result.model_validate_json(line).model_copy(update={"grade_id": ""}) for line in lines]}


@pytest.mark.parametrize("afar", [(False, False), (False, True), (True, False), (True, True)])
def test_a_run_killed_at_any_call_ends_as_if_it_never_was_wherever_it_goes_on(
    make_lab: Callable[..., Lab], store: Store, tmp_path: Path, afar: tuple[bool, bool], steady: Any, typed: Any
) -> None:
    lab = make_lab(students=7)
    typed(store, lab, tmp_path / "whole", steady())
    for lives in (0, 1, 3):
        first, second, out, course = steady(lives=lives), steady(), tmp_path / str(lives), f"cs{lives}"
        with pytest.raises(steady.killed):
            typed(store, lab, out, first, course=course, afar=afar[0])
        assert not out.exists()
        job = typed(store, lab, out, second, course=course, afar=afar[1])
        assert JobRepository(store.database).cli_jobs(course, lab) == [JobRepository(store.database).job(job.id)]
        assert sorted(first.asked + second.asked) == sorted(each.files[0].text for each in lab.submissions)
        progress = JobRepository(store.database).progress(job.id)
        assert (progress.state, progress.graded, progress.parked) == (State.DONE, 7, ())
        assert written(out) == written(tmp_path / "whole")
    assert store.verify().faults == ()


def test_what_is_finished_is_written_again_and_graded_once_more_only_when_asked(
    make_lab: Callable[..., Lab], store: Store, tmp_path: Path, steady: Any, typed: Any
) -> None:
    lab = make_lab(students=3)
    job = typed(store, lab, tmp_path / "a", steady())
    for afar in (False, True):
        grader = steady()
        assert typed(store, lab, tmp_path / f"b{afar}", grader, afar=afar).id == job.id
        assert grader.asked == [] and written(tmp_path / "a") == written(tmp_path / f"b{afar}")
    with pytest.raises(steady.killed):
        typed(store, lab, None, steady(lives=1), again=True)
    grader = steady()
    other = typed(store, lab, tmp_path / "c", grader, again=True)  # goes on with what it began
    assert (
        other.id != job.id and len(grader.asked) == 1 and len(JobRepository(store.database).cli_jobs("cs101", lab)) == 2
    )


@pytest.mark.parametrize("changed", ["model", "rubric", "program", "students", "course"])
def test_another_model_or_other_work_begins_a_job_of_its_own_and_leaves_the_first_alone(
    changed: str, make_lab: Callable[..., Lab], store: Store, tmp_path: Path, steady: Any, typed: Any
) -> None:
    lab, grader = make_lab(students=3), steady(model="other" if changed == "model" else "m")
    with pytest.raises(steady.killed):
        typed(store, lab, None, steady(lives=1))
    [first] = JobRepository(store.database).cli_jobs("cs101", lab)
    edited: dict[str, Any] = {
        "rubric": {"criteria": lab.criteria[:1], "human_grades": ()},
        "program": {"submissions": (lab.submissions[0].model_copy(update={"files": lab.submissions[1].files}),)},
        "students": {"submissions": lab.submissions[1:]},
        "course": {"name": "lab2", "rater_grades": ()},
    }.get(changed, {})
    lab = lab.model_copy(update=edited)
    for afar in (True, False):
        typed(store, lab, tmp_path / "out", grader, afar=afar)
    assert len(grader.asked) == len(lab.submissions)
    assert JobRepository(store.database).job(first.id) == first
    assert JobRepository(store.database).progress(first.id).graded == 2


def test_a_program_that_breaks_the_grader_is_given_up_told_and_tried_again_by_the_next_command(
    make_lab: Callable[..., Lab], store: Store, tmp_path: Path, steady: Any, typed: Any
) -> None:
    lab = make_lab(students=5)
    job = typed(store, lab, tmp_path, steady(poison=["return 4;"]))
    assert JobRepository(store.database).progress(job.id).graded == 4
    written = (tmp_path / "grades.jsonl").read_text().splitlines()
    lines = [Result.model_validate_json(line).grade for line in written]
    assert [grade.student for grade in lines] == [each.student for each in lab.submissions]
    assert {answer.ungraded for answer in lines[2].criteria} == {"parked: RuntimeError"}
    assert lines[2].provenance == steady().provenance(lab, lab.submissions[2])
    assert "ungraded: parked: RuntimeError" in (tmp_path / "rubric_comments.csv").read_text()
    grader = steady()
    assert typed(store, lab, tmp_path, grader).id == job.id
    assert grader.asked == [lab.submissions[2].files[0].text]
    assert "parked" not in (tmp_path / "grades.jsonl").read_text()


@pytest.mark.parametrize("afar", [False, True])
def test_a_pause_that_ends_while_a_part_is_graded_does_not_end_the_job_without_it(
    afar: bool,
    make_lab: Callable[..., Lab],
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steady: Any,
    typed: Any,
) -> None:
    lab, book, grader = make_lab(students=6), JobRepository(store.database), steady(poison=["return 4;"])
    grade = grader.grade

    def interrupted(*given: Any, **how: Any) -> list[Grade]:
        monkeypatch.setattr(grader, "grade", grade)
        [job] = book.cli_jobs("cs101", lab)
        for wish in (RequestedState.PAUSE, RequestedState.RUN):
            book.request(job.id, wish, actor="ta")
        return grade(*given, **how)

    monkeypatch.setattr(grader, "grade", interrupted)
    with pytest.raises(GraderError, match="rerun the command to resume it"):
        typed(store, lab, tmp_path / "out", grader, afar=afar)
    assert not (tmp_path / "out").exists()
    job = typed(store, lab, tmp_path / "out", steady(), afar=afar)
    assert book.progress(job.id).graded == 6


def test_a_person_who_stops_the_command_puts_nobody_under_suspicion(
    make_lab: Callable[..., Lab], store: Store, steady: Any, typed: Any
) -> None:
    lab, calls = make_lab(students=2), list[int]()

    class Stopped(steady):
        def grade(self, lab: Lab, submissions: Any, **how: Any) -> list[Grade]:
            calls.append(len(submissions))
            if len(calls) == 1:
                raise KeyboardInterrupt
            return super().grade(lab, submissions, **how)

    with pytest.raises(KeyboardInterrupt):
        typed(store, lab, None, Stopped())
    typed(store, lab, None, Stopped())
    assert calls == [2, 2]


def test_an_answer_that_failed_is_asked_again_for_that_submission_alone(
    make_lab: Callable[..., Lab], store: Store, fake_engine: Any, fake_grader: Any, typed: Any
) -> None:
    from serving.engines.engine import EngineFailure, LabelScores

    lab = make_lab(students=2)
    fake_engine.script = [LabelScores((-0.1, -3.0, -3.0)), EngineFailure("the engine gave no answer")]
    job = typed(store, lab, None, fake_grader)
    answers = [
        answer.ungraded for stored in store.read_grades(job.id) if stored.grade for answer in stored.grade.criteria
    ]
    assert answers == [None] * 4 and [len(call) for call in fake_engine.calls] == [4, 2]
