"""Real engines behind a local Ray cluster: vLLM inside each worker, and one `vllm serve` that all workers use."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from labs_schema.grades import Grade
from labs_schema.models import Lab
from serving.cluster.ray_source import RaySource
from serving.model.loading import GraderOptions, load_grader

pytestmark = [pytest.mark.nightly, pytest.mark.filterwarnings("ignore")]  # of Ray


@pytest.fixture(scope="module", autouse=True)
def small_caches() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        yield


@pytest.fixture(scope="module")
def load(tiny_model_folder: Path) -> Any:
    return partial(load_grader, str(tiny_model_folder), GraderOptions(dtype="float32", engine="vllm"))


@pytest.fixture(scope="module")
def course(make_lab: Callable[..., Lab]) -> list[Lab]:
    return [make_lab("lab1", students=20), make_lab("lab2", students=9)]


@pytest.fixture(scope="module")
def alone(load: Any, course: list[Lab]) -> dict[tuple[str, str], Grade]:
    """The grades of vLLM in this process."""
    grader = load()
    grades = {(g.lab, g.student): g for lab in course for g in grader.grade(lab, lab.submissions)}
    grader.close()
    return grades


def graded(source: RaySource, course: list[Lab]) -> dict[tuple[str, str], Grade]:
    grades = [grade for each in source.grades(course) for grade in each]
    found = {(grade.lab, grade.student): grade for grade in grades}
    assert len(found) == len(grades) == source.by_process.total() == 29
    assert len(source.by_process) == 2 and source.questions >= 2 * 29 and source.prompt_tokens > source.uncached_tokens
    return found


def assert_same(found: dict[tuple[str, str], Grade], expected: dict[tuple[str, str], Grade]) -> None:
    assert found.keys() == expected.keys()
    for key, grade in expected.items():
        for ours, plain in zip(found[key].criteria, grade.criteria, strict=True):
            assert ours.rating == plain.rating is not None
            assert ours.probabilities == pytest.approx(plain.probabilities, abs=0.01)


def test_vllm_in_two_workers_grades_like_vllm_in_one_process(
    load: Any, course: list[Lab], alone: dict[tuple[str, str], Grade]
) -> None:
    found = graded(RaySource(load, workers=2, chunk=2), course)
    assert_same(found, alone)
    assert all(found[key].provenance == grade.provenance for key, grade in alone.items())


def test_two_workers_with_a_vllm_server_grade_like_vllm_in_one_process(
    tiny_model_folder: Path, vllm_server: Any, course: list[Lab], alone: dict[tuple[str, str], Grade]
) -> None:
    load = partial(load_grader, str(tiny_model_folder), GraderOptions(engine=vllm_server.url))
    found = graded(RaySource(load, workers=2, chunk=2, on_gpu=False), course)
    assert_same(found, alone)
    assert {grade.provenance.engine for grade in found.values()} == {"vllm-http"}
