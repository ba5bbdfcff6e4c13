"""Courses take turns at the engine: none waits for another's backlog, model or failures."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from labs_schema.models import Lab
from serving.scheduler.engine_queue import QueueFullError
from serving.scheduler.engine_thread import EngineThread


class LoadedPool:
    """A loaded grader per course. `load_seconds`: how long the next `load` takes; `broken`: courses that fail to load.

    `order` records the courses in the order of their `load` calls.
    """

    def __init__(self, new_grader: Callable[[], Any], *courses: str) -> None:
        self.loaded = {course: new_grader() for course in courses}
        self.order: list[str] = []
        self.load_seconds: dict[str, float] = {}
        self.broken: set[str] = set()
        for grader in self.loaded.values():
            grader.proceed.set()

    def load(self, course: str) -> Any:
        self.order.append(course)
        time.sleep(self.load_seconds.pop(course, 0))
        if course in self.broken:
            raise RuntimeError(f"no model of {course}")
        return self.loaded[course]

    def check_length(self, course: str, submission: object) -> None: ...

    def loaded_grader(self, course: str) -> Any:
        return self.loaded.get(course)

    def close(self) -> None: ...


@contextmanager
def blocked(pool: LoadedPool, lab: Lab, **options: Any) -> Iterator[EngineThread]:
    """An engine thread that is busy with the first submission of course `a`."""
    first = pool.loaded["a"]
    first.proceed.clear()
    engine = EngineThread(lambda: pool, **options)
    try:
        engine.submit(lab, lab.submissions[0], course="a")
        assert first.called.wait(5)
        yield engine
    finally:
        first.proceed.set()
        engine.close()


def test_a_course_with_a_backlog_does_not_delay_others(make_lab: Callable[..., Lab], new_grader: Any) -> None:
    lab, pool = make_lab(students=12), LoadedPool(new_grader, "a", "b", "c")
    with blocked(pool, lab, batch_size=3) as engine:
        queued = [engine.submit(lab, submission, course="a") for submission in lab.submissions[:9]]
        queued += [engine.submit(lab, lab.submissions[i], course=course) for i in (9, 10) for course in ("b", "c")]
        pool.loaded["a"].proceed.set()
        for future in queued:
            future.result(5)
    assert pool.order == ["a", "a", "b", "c", "a", "a"]
    assert pool.loaded["a"].calls == [["s000"], *([f"s{i:03d}" for i in range(n, n + 3)] for n in (0, 3, 6))]
    assert pool.loaded["b"].calls == pool.loaded["c"].calls == [["s009", "s010"]]


def test_a_course_is_preferred_for_as_long_as_its_model_took_to_load(
    make_lab: Callable[..., Lab], new_grader: Any
) -> None:
    lab, pool = make_lab(students=6), LoadedPool(new_grader, "a", "b")
    with blocked(pool, lab, batch_size=1) as engine:
        queued = [engine.submit(lab, lab.submissions[i], course=course) for i in (0, 1, 2) for course in ("b", "a")]
        pool.load_seconds["b"] = 0.3
        pool.loaded["a"].proceed.set()
        for future in queued:
            future.result(5)
    assert pool.order == ["a", "b", "b", "b", "a", "a", "a"]


def test_a_course_whose_model_cannot_be_loaded_fails_alone(make_lab: Callable[..., Lab], new_grader: Any) -> None:
    lab, pool = make_lab(), LoadedPool(new_grader, "a", "b")
    pool.broken.add("b")
    with blocked(pool, lab) as engine:
        queued = [engine.submit(lab, lab.submissions[1], course=course) for course in ("b", "b", "a")]
        pool.loaded["a"].proceed.set()
        assert queued[2].result(5).student == "s001"
        assert [str(future.exception(5)) for future in queued[:2]] == ["no model of b"] * 2
        assert engine.unhealthy_courses == ("b",)
    assert pool.loaded["b"].calls == []


def test_one_course_cannot_fill_the_queue(make_lab: Callable[..., Lab], new_grader: Any) -> None:
    lab, pool = make_lab(), LoadedPool(new_grader, "a", "b")
    with blocked(pool, lab, capacity=4, course_share=0.5) as engine:
        for _ in range(2):
            engine.submit(lab, lab.submissions[1], course="a")
        assert not engine.queue.full
        with pytest.raises(QueueFullError):
            engine.submit(lab, lab.submissions[1], course="a")
        for _ in range(2):
            engine.submit(lab, lab.submissions[1], course="b")
        assert engine.queue.full


def test_a_request_prepared_for_a_replaced_model_is_prepared_again(
    make_lab: Callable[..., Lab], new_grader: Any
) -> None:
    lab, pool = make_lab(), LoadedPool(new_grader, "a", "b")
    with blocked(pool, lab) as engine:
        prepared = engine.prepare(lab, lab.submissions[1], "b")
        assert prepared is not None and engine.prepare(lab, lab.submissions[1], "c") is None
        pool.loaded = {**pool.loaded, "b": (newer := new_grader())}
        newer.proceed.set()
        future = engine.submit(lab, lab.submissions[1], course="b", prepared=prepared)
        pool.loaded["a"].proceed.set()
        assert future.result(5).student == "s001"
    assert newer.requests == [[None]]
