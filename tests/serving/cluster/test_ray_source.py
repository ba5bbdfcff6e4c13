"""Grading by two processes of a local Ray cluster equals grading by one, also if a worker dies."""

import os
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labs_schema.grades import Grade, Provenance
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.models import Lab
from serving.cluster.ray_source import RaySource
from serving.grading.retries import all_ungraded
from serving.model.loading import GraderOptions, load_grader

pytestmark = [pytest.mark.nightly, pytest.mark.filterwarnings("ignore")]  # of Ray


@pytest.fixture
def load(tiny_model_folder: Path) -> Any:
    return partial(load_grader, str(tiny_model_folder), GraderOptions(engine="transformers", dtype="float32"))


def by_student(found: Sequence[Grade]) -> dict[str, Grade]:
    assert len({grade.student for grade in found}) == len(found)
    return {grade.student: grade for grade in found}


def test_two_workers_grade_like_one_process_after_one_is_killed(make_lab: Callable[..., Lab], load: Any) -> None:
    lab, source = make_lab(students=24), RaySource(load, workers=2, chunk=2)
    expected = {grade.student: grade for grade in load().grade(lab, lab.submissions)}
    found, killed = list[Grade](), list[int]()
    for grades in source.grades([lab]):
        found += grades
        if not killed:
            killed.extend(source.by_process)
            os.kill(killed[0], signal.SIGKILL)
    assert by_student(found).keys() == expected.keys() and len(killed) == 1
    for grade in found:
        assert grade.provenance == expected[grade.student].provenance
        for ours, plain in zip(grade.criteria, expected[grade.student].criteria, strict=True):
            assert ours.rating == plain.rating
            assert ours.probabilities == pytest.approx(plain.probabilities, abs=1e-5)
    assert len(source.by_process) >= 2 and source.by_process.total() == 24
    assert source.questions >= 2 * 24 and source.prompt_tokens > source.uncached_tokens > 0


def test_submission_that_kills_every_worker_is_ungraded_and_others_are_graded(
    make_lab: Callable[..., Lab],
) -> None:
    def load() -> Any:
        def provenance(lab: Lab, submission: Any, **_: Any) -> Provenance:
            hashes = {
                "rubric_hash": rubric_hash(lab),
                "submission_hash": submission_hash(submission),
                "observations_hash": None,
            }
            return Provenance(**dict.fromkeys(Provenance.model_fields, "0") | hashes)

        def grade(lab: Lab, submissions: Any, **_: Any) -> list[Grade]:
            if any(submission.student == "s003" for submission in submissions):
                os._exit(1)
            return [
                all_ungraded(lab.name, s.student, lab.criteria, "not graded", provenance(lab, s)) for s in submissions
            ]

        engine = SimpleNamespace(name="none", version="1", context_length=1)
        return SimpleNamespace(engine=engine, grade=grade, provenance=provenance)

    source = RaySource(load, workers=2, chunk=2)
    found = by_student([grade for grades in source.grades([make_lab(students=6)]) for grade in grades])
    reasons = {student: {answer.ungraded for answer in grade.criteria} for student, grade in found.items()}
    assert reasons.pop("s003") == {"the worker that graded it died 3 times"}
    assert reasons == {f"s00{i}": {"not graded"} for i in (0, 1, 2, 4, 5)}
    assert source.by_process.total() == 5
