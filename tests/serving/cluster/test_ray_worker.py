"""What a worker of a cluster says: grades as rows, with what they cost, or a failure in words. Without Ray."""

import json
import platform
from collections.abc import Callable
from typing import Any

import pytest

from labs_schema.errors import GraderError, ModelError
from labs_schema.grades import Grade
from labs_schema.models import Lab
from serving.cluster.ray_source import RaySource
from serving.cluster.ray_worker import RayWorker
from serving.engines.engine import EngineDownError


def rows_of(*labs: Lab) -> dict[str, list[str]]:
    work = [(lab.name, submission.model_dump_json()) for lab in labs for submission in lab.submissions]
    return {"lab": [name for name, _ in work], "submission": [submission for _, submission in work]}


def worker(load: Callable[[], Any], *labs: Lab) -> RayWorker:
    bare = {lab.name: lab.model_copy(update={"submissions": ()}).model_dump_json() for lab in labs}
    return RayWorker(load, bare, reasoning=False)


def test_a_block_of_two_labs_is_graded_each_by_its_rubric(make_lab: Callable[..., Lab], fake_grader: Any) -> None:
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


def test_a_model_that_cannot_be_loaded_or_asked_is_told_in_words(
    make_lab: Callable[..., Lab], fake_grader: Any
) -> None:
    def missing() -> Any:
        raise ModelError("no such model")

    def broken() -> Any:
        raise RuntimeError("half a file")

    def down(_: Any) -> Any:
        raise EngineDownError("all servers are gone")

    lab, unforeseen = make_lab(students=3), "the model cannot be loaded: RuntimeError: half a file"
    fake_grader.engine.answer = down
    for load, words in (
        (missing, "no such model"),
        (lambda: fake_grader, "all servers are gone"),
        (broken, unforeseen),
    ):
        rows = worker(load, lab)(rows_of(lab))
        assert (rows["grade"], rows["failure"]) == ([""], [f"{platform.node()}: {words}"])
        with pytest.raises(EngineDownError, match=f"^On a worker, {platform.node()}: {words}.$"):
            RaySource(load)._read(rows)


def test_a_worker_takes_a_gpu_where_there_is_one_and_no_more_than_there_are(fake_grader: Any) -> None:
    def places(has: dict[str, float], **options: Any) -> tuple[int, int]:
        return RaySource(lambda: fake_grader, **options)._allocate(has)

    assert places({"CPU": 64, "GPU": 8}) == (1, 8)
    assert places({"CPU": 64, "GPU": 8}, on_gpu=False) == (0, 2)
    assert places({"CPU": 1}) == (0, 1)
    assert places({"CPU": 16}, workers=5) == (0, 5)
    for has, told in (({"CPU": 4}, "has 4 CPU cores"), ({"CPU": 64, "GPU": 2}, "has 2 GPUs"), ({}, "has 0 CPU cores")):
        with pytest.raises(GraderError, match=told):
            places(has, workers=5)
