"""A lab graded by two processes of a local Ray cluster: as by one, whatever dies in the middle."""

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labs_schema.grades import Grade, Provenance
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.models import Lab
from serving.cluster.ray_source import RaySource
from serving.grade_files import read_grades
from serving.grade_sources import LocalSource
from serving.regrade import regrade
from serving.retrying import all_ungraded
from serving.served_model import load_grader

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of Ray


class StoppedError(Exception):
    """Stands for whatever ends the run that grades."""


@pytest.fixture
def load(tiny_model_folder: Path) -> Any:
    return partial(load_grader, str(tiny_model_folder), engine="transformers", dtype="float32")


def by_student(out: Path) -> dict[str, Grade]:
    grades = read_grades(out / "grades.jsonl")
    assert len({grade.student for grade in grades}) == len(grades)
    return {grade.student: grade for grade in grades}


def assert_same(found: dict[str, Grade], expected: dict[str, Grade]) -> None:
    assert found.keys() == expected.keys()
    for student, grade in expected.items():
        assert found[student].provenance == grade.provenance
        for ours, plain in zip(found[student].criteria, grade.criteria, strict=True):
            assert ours.rating == plain.rating
            assert ours.probabilities == pytest.approx(plain.probabilities, abs=1e-5)


def test_a_run_stopped_in_one_process_is_finished_by_two_as_by_one_though_one_of_them_is_killed(
    make_lab: Callable[..., Lab], load: Any, tmp_path: Path
) -> None:
    lab, local = make_lab(students=24), LocalSource(load(), chunk=2)
    regrade(local, {tmp_path / "plain": lab})

    def stop(done: int) -> None:
        if done:
            raise StoppedError

    with pytest.raises(StoppedError):
        regrade(local, {tmp_path / "cluster": lab}, progress=stop)

    source, killed = RaySource(load, workers=2, chunk=2), list[int]()

    def kill_a_worker(done: int) -> None:
        if done > 2 and not killed:
            killed.extend(source.by_process)
            os.kill(killed[0], signal.SIGKILL)

    [done] = regrade(source, {tmp_path / "cluster": lab}, progress=kill_a_worker)
    assert (done.kept, done.graded, len(killed)) == (2, 22, 1)
    assert_same(by_student(tmp_path / "cluster"), by_student(tmp_path / "plain"))
    assert len(source.by_process) >= 2 and source.by_process.total() == 22
    assert source.questions >= 2 * 22 and source.prompt_tokens > source.read_tokens > 0


def test_a_program_that_kills_every_worker_is_left_to_a_person_and_the_rest_is_graded(
    make_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    def load() -> Any:
        def provenance(lab: Lab, submission: Any, **_: Any) -> Provenance:
            hashes = {"rubric_hash": rubric_hash(lab), "submission_hash": submission_hash(submission)}
            return Provenance(**dict.fromkeys(Provenance.model_fields, "0") | hashes)

        def grade(lab: Lab, submissions: Any, **_: Any) -> list[Grade]:
            if any(submission.student == "s003" for submission in submissions):
                os._exit(1)
            return [all_ungraded(lab, s.student, provenance(lab, s), "of no interest") for s in submissions]

        engine = SimpleNamespace(name="none", version="1", context_length=1)
        return SimpleNamespace(engine=engine, grade=grade, provenance=provenance)

    source = RaySource(load, workers=2, chunk=2)
    [done] = regrade(source, {tmp_path: make_lab(students=6)})
    reasons = {student: {a.ungraded for a in grade.criteria} for student, grade in by_student(tmp_path).items()}
    assert reasons.pop("s003") == {"the worker that graded it ended, 3 times"}
    assert reasons == {f"s00{i}": {"of no interest"} for i in (0, 1, 2, 4, 5)}
    assert (done.graded, source.by_process.total()) == (6, 5)
