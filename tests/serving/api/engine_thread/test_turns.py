"""Courses take turns at the engine: none waits behind another's many submissions, its model or its faults."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from labs_schema.models import Lab
from serving.scheduler.engine_queue import QueueFullError
from serving.scheduler.engine_thread import EngineThread


class Shelved:
    """A grader a course, all of them loaded; `slow` tells how long `of` takes for a course, `broken` that it raises."""

    def __init__(self, new_grader: Callable[[], Any], *courses: str) -> None:
        self.loaded = {course: new_grader() for course in courses}
        self.order: list[str] = []
        self.slow: dict[str, float] = {}
        self.broken: set[str] = set()
        for grader in self.loaded.values():
            grader.go.set()

    def of(self, course: str) -> Any:
        self.order.append(course)
        time.sleep(self.slow.pop(course, 0))
        if course in self.broken:
            raise RuntimeError(f"no model of {course}")
        return self.loaded[course]

    def check_length(self, course: str, submission: object) -> None: ...

    def ready(self, course: str) -> Any:
        return self.loaded.get(course)

    def close(self) -> None: ...


@contextmanager
def held_up(shelf: Shelved, lab: Lab, **limits: Any) -> Iterator[EngineThread]:
    """A thread that grades nothing yet: the first submission of the course `a` is under way."""
    first = shelf.loaded["a"]
    first.go.clear()
    engine = EngineThread(lambda: shelf, **limits)
    try:
        engine.submit(lab, lab.submissions[0], course="a")
        assert first.busy.wait(5)
        yield engine
    finally:
        first.go.set()
        engine.close()


def test_a_course_with_many_submissions_does_not_keep_the_others_waiting(
    make_lab: Callable[..., Lab], new_grader: Any
) -> None:
    lab, shelf = make_lab(students=12), Shelved(new_grader, "a", "b", "c")
    with held_up(shelf, lab, batch=3) as engine:
        waiting = [engine.submit(lab, submission, course="a") for submission in lab.submissions[:9]]
        waiting += [engine.submit(lab, lab.submissions[i], course=course) for i in (9, 10) for course in ("b", "c")]
        shelf.loaded["a"].go.set()
        for future in waiting:
            future.result(5)
    assert shelf.order == ["a", "a", "b", "c", "a", "a"]
    assert shelf.loaded["a"].calls == [["s000"], *([f"s{i:03d}" for i in range(n, n + 3)] for n in (0, 3, 6))]
    assert shelf.loaded["b"].calls == shelf.loaded["c"].calls == [["s009", "s010"]]


def test_a_course_whose_model_took_long_to_load_keeps_its_turn_so_long(
    make_lab: Callable[..., Lab], new_grader: Any
) -> None:
    lab, shelf = make_lab(students=6), Shelved(new_grader, "a", "b")
    with held_up(shelf, lab, batch=1) as engine:
        waiting = [engine.submit(lab, lab.submissions[i], course=course) for i in (0, 1, 2) for course in ("b", "a")]
        shelf.slow["b"] = 0.3
        shelf.loaded["a"].go.set()
        for future in waiting:
            future.result(5)
    assert shelf.order == ["a", "b", "b", "b", "a", "a", "a"]


def test_a_course_without_a_model_fails_alone(make_lab: Callable[..., Lab], new_grader: Any) -> None:
    lab, shelf = make_lab(), Shelved(new_grader, "a", "b")
    shelf.broken.add("b")
    with held_up(shelf, lab) as engine:
        waiting = [engine.submit(lab, lab.submissions[1], course=course) for course in ("b", "b", "a")]
        shelf.loaded["a"].go.set()
        assert waiting[2].result(5).student == "s001"
        assert [str(future.exception(5)) for future in waiting[:2]] == ["no model of b"] * 2
        assert engine.silent == ("b",)
    assert shelf.loaded["b"].calls == []


def test_one_course_cannot_fill_the_whole_queue(make_lab: Callable[..., Lab], new_grader: Any) -> None:
    lab, shelf = make_lab(), Shelved(new_grader, "a", "b")
    with held_up(shelf, lab, waiting=4, share=0.5) as engine:
        for _ in range(2):
            engine.submit(lab, lab.submissions[1], course="a")
        assert not engine.full
        with pytest.raises(QueueFullError):
            engine.submit(lab, lab.submissions[1], course="a")
        for _ in range(2):
            engine.submit(lab, lab.submissions[1], course="b")
        assert engine.full


def test_what_was_prepared_for_a_model_that_was_replaced_is_prepared_again(
    make_lab: Callable[..., Lab], new_grader: Any
) -> None:
    lab, shelf = make_lab(), Shelved(new_grader, "a", "b")
    with held_up(shelf, lab) as engine:
        sheet = engine.prepare(lab, lab.submissions[1], "b")
        assert sheet is not None and engine.prepare(lab, lab.submissions[1], "c") is None
        shelf.loaded = {**shelf.loaded, "b": (newer := new_grader())}
        newer.go.set()
        future = engine.submit(lab, lab.submissions[1], course="b", sheet=sheet)
        shelf.loaded["a"].go.set()
        assert future.result(5).student == "s001"
    assert newer.sheets == [[None]]
