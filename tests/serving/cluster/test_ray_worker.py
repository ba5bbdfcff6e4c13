"""A cluster worker returns grades as rows with their token counts, or an error message. Without Ray."""

import json
import platform
from collections.abc import Callable
from typing import Any

import pytest

from labs_schema.errors import ModelError
from labs_schema.grades import Grade
from labs_schema.models import Lab
from serving.cluster.ray_source import RaySource
from serving.cluster.ray_worker import RayWorker
from serving.engines.engine import EngineDownError
from tests.harness.errors import raises_code


def rows_of(*labs: Lab) -> dict[str, list[str]]:
    work = [(lab.name, submission.model_dump_json()) for lab in labs for submission in lab.submissions]
    return {"lab": [name for name, _ in work], "submission": [submission for _, submission in work]}


def worker(load: Callable[[], Any], *labs: Lab) -> RayWorker:
    bare = {lab.name: lab.model_copy(update={"submissions": ()}).model_dump_json() for lab in labs}
    return RayWorker(load, bare, reasoning=False)


def test_each_lab_of_a_block_is_graded_by_its_own_rubric(make_lab: Callable[..., Lab], fake_grader: Any) -> None:
    first, second = make_lab("lab1", students=2), make_lab("lab2", students=1)
    second = second.model_copy(update={"criteria": second.criteria[:1], "human_grades": ()})
    rows = worker(lambda: fake_grader, first, second)(rows_of(first, second))
    grades = [Grade.model_validate_json(grade) for grade in rows["grade"]]
    assert [(g.lab, g.student, len(g.criteria)) for g in grades] == [
        ("lab1", "s000", 2),
        ("lab1", "s001", 2),
        ("lab2", "s000", 1),
    ]
    assert (set(rows["questions"]), set(rows["failure"])) == ({5}, {""})
    json.dumps(rows)


def test_loading_and_engine_errors_are_returned_as_messages(make_lab: Callable[..., Lab], fake_grader: Any) -> None:
    def missing() -> Any:
        raise ModelError("no such model")

    def broken() -> Any:
        raise RuntimeError("half a file")

    def down(_: Any) -> Any:
        raise EngineDownError("all servers are gone")

    lab, unexpected = make_lab(students=3), "the model cannot be loaded: RuntimeError: half a file"
    fake_grader.engine.answer = down
    for load, message in (
        (missing, "no such model"),
        (lambda: fake_grader, "all servers are gone"),
        (broken, unexpected),
    ):
        rows = worker(load, lab)(rows_of(lab))
        assert (rows["grade"], rows["failure"]) == ([""], [f"{platform.node()}: {message}"])
        with pytest.raises(EngineDownError, match=f"^On a worker, {platform.node()}: {message}.$"):
            RaySource(load)._read(rows)


def test_workers_take_one_gpu_each_and_are_limited_by_the_cluster(fake_grader: Any) -> None:
    def allocate(has: dict[str, float], **options: Any) -> tuple[int, int]:
        return RaySource(lambda: fake_grader, **options)._allocate(has)

    assert allocate({"CPU": 64, "GPU": 8}) == (1, 8)
    assert allocate({"CPU": 64, "GPU": 8}, on_gpu=False) == (0, 2)
    assert allocate({"CPU": 1}) == (0, 1)
    assert allocate({"CPU": 16}, workers=5) == (0, 5)
    for has, message in (
        ({"CPU": 4}, "has 4 CPU cores"),
        ({"CPU": 64, "GPU": 2}, "has 2 GPUs"),
        ({}, "has 0 CPU cores"),
    ):
        with raises_code("too-many-workers", message):
            allocate(has, workers=5)
