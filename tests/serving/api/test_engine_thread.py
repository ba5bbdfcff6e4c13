"""The engine's queue: what is together is graded together, what is too much is refused, what is gone is dropped."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.models import Lab, Submission
from serving.api.engine_thread import ClosedError, EngineThread, QueueFullError
from serving.engines.engine import EngineDownError
from serving.sheets import Sheet

ORIGIN = Provenance(**dict.fromkeys(Provenance.model_fields, "0"))


class SlowGrader:
    """Rates every criterion A, one call at a time, each only once `go` is set. `calls` holds the students of each."""

    def __init__(self) -> None:
        self.go, self.busy, self.closed = threading.Event(), threading.Event(), False
        self.calls: list[list[str]] = []
        self.poison: str | None = None
        self.error: Exception = RuntimeError("the engine broke")
        self.rated = True
        self.reasoned: list[bool] = []
        self.sheets: list[object] = []

    def check_length(self, submission: Submission) -> None: ...

    def prepare(self, lab: Lab, submission: Submission) -> Sheet:
        del lab, submission
        return Sheet()

    def grade_each(
        self, work: Sequence[tuple[Lab, Submission]], *, sheets: object = None, reasoning: bool = False
    ) -> list[Grade]:
        self.sheets.append(sheets)
        self.reasoned.append(reasoning)
        self.calls.append([submission.student for _, submission in work])
        self.busy.set()
        assert self.go.wait(5)
        if self.poison in self.calls[-1]:
            raise self.error
        rating = {"rating": "A"} if self.rated else {"ungraded": "empty"}
        answer = CriterionGrade(criterion="c", **rating)
        return [Grade(lab=lab.name, student=s.student, criteria=(answer,), provenance=ORIGIN) for lab, s in work]

    def close(self) -> None:
        self.closed = True


@contextmanager
def running(grader: SlowGrader, **limits: Any) -> Iterator[EngineThread]:
    engine = EngineThread(lambda: grader, **limits)
    try:
        yield engine
    finally:
        grader.go.set()
        engine.close()


def test_what_waits_while_the_engine_works_is_graded_in_one_call(make_lab: Callable[..., Lab]) -> None:
    lab, grader = make_lab(students=5), SlowGrader()
    with running(grader) as engine:
        futures = [engine.submit(lab, lab.submissions[0])]
        assert grader.busy.wait(5)
        futures += [engine.submit(lab, submission) for submission in lab.submissions[1:]]
        grader.go.set()
        assert [future.result(5).student for future in futures] == [s.student for s in lab.submissions]
    assert grader.calls == [["s000"], ["s001", "s002", "s003", "s004"]]


def test_a_call_holds_at_most_a_batch_of_whatever_labs(make_lab: Callable[..., Lab]) -> None:
    one, two, grader = make_lab("one"), make_lab("two"), SlowGrader()
    with running(grader, batch=3) as engine:
        first = engine.submit(one, one.submissions[0])
        assert grader.busy.wait(5)
        rest = [engine.submit(lab, lab.submissions[i]) for i in (1, 2) for lab in (one, two)]
        grader.go.set()
        assert [future.result(5).lab for future in [first, *rest]] == ["one", "one", "two", "one", "two"]
    assert grader.calls == [["s000"], ["s001", "s001", "s002"], ["s002"]]


def test_a_full_queue_refuses_at_once_and_says_when_to_come_again(make_lab: Callable[..., Lab]) -> None:
    lab, grader = make_lab(), SlowGrader()
    with running(grader, waiting=2) as engine:
        engine.submit(lab, lab.submissions[0])
        assert grader.busy.wait(5)
        kept = [engine.submit(lab, lab.submissions[i]) for i in (1, 2)]
        with pytest.raises(QueueFullError) as full:
            engine.submit(lab, lab.submissions[3])
        assert 1 <= full.value.retry_after <= 60
        grader.go.set()
        assert [future.result(5).student for future in kept] == ["s001", "s002"]


def test_a_wish_for_reasons_is_kept_apart_from_those_without(make_lab: Callable[..., Lab]) -> None:
    lab, grader = make_lab(), SlowGrader()
    with running(grader) as engine:
        futures = [engine.submit(lab, lab.submissions[0])]
        assert grader.busy.wait(5)
        futures += [engine.submit(lab, lab.submissions[i], reasoning=i == 2) for i in (1, 2, 3)]
        grader.go.set()
        assert [future.result(5).student for future in futures] == ["s000", "s001", "s002", "s003"]
    assert (grader.calls, grader.reasoned) == ([["s000"], ["s001", "s003"], ["s002"]], [False, False, True])


def test_what_is_cancelled_while_it_waits_never_reaches_the_grader(make_lab: Callable[..., Lab]) -> None:
    lab, grader = make_lab(), SlowGrader()
    with running(grader) as engine:
        engine.submit(lab, lab.submissions[0])
        assert grader.busy.wait(5)
        gone, stays = engine.submit(lab, lab.submissions[1]), engine.submit(lab, lab.submissions[2])
        assert gone.cancel()
        grader.go.set()
        stays.result(5)
    assert grader.calls == [["s000"], ["s002"]]


def test_a_submission_that_breaks_the_engine_fails_alone(make_lab: Callable[..., Lab]) -> None:
    lab, grader = make_lab(), SlowGrader()
    grader.poison = "s002"
    with running(grader) as engine:
        engine.submit(lab, lab.submissions[0])
        assert grader.busy.wait(5)
        good, bad, other = (engine.submit(lab, lab.submissions[i]) for i in (1, 2, 3))
        grader.go.set()
        assert good.result(5).student == "s001"
        assert other.result(5).student == "s003"
        with pytest.raises(RuntimeError, match="broke"):
            bad.result(5)


def test_closing_grades_what_waits_then_refuses_and_closes_the_grader(make_lab: Callable[..., Lab]) -> None:
    lab, grader = make_lab(), SlowGrader()
    engine = EngineThread(lambda: grader)
    futures = [engine.submit(lab, submission) for submission in lab.submissions]
    grader.go.set()
    engine.close()
    engine.close()
    assert all(future.done() for future in futures)
    assert grader.closed
    with pytest.raises(ClosedError):
        engine.submit(lab, lab.submissions[0])


def test_it_answers_only_once_a_criterion_was_scored_and_no_more_when_the_engine_breaks(
    make_lab: Callable[..., Lab],
) -> None:
    lab, grader = make_lab(), SlowGrader()
    grader.go.set()
    with running(grader) as engine:
        engine.wait_until_open()
        assert not engine.answering
        grader.rated = False
        engine.submit(lab, lab.submissions[0]).result(5)
        assert not engine.answering
        grader.rated = True
        engine.submit(lab, lab.submissions[0]).result(5)
        assert engine.answering
        grader.poison = "s001"
        engine.submit(lab, lab.submissions[1]).exception(5)
        assert not engine.answering


def test_a_grader_that_cannot_be_opened_says_why() -> None:
    def broken() -> SlowGrader:
        raise OSError("no weights")

    engine = EngineThread(broken)
    with pytest.raises(OSError, match="no weights"):
        engine.wait_until_open()
    engine.close()


def test_an_engine_that_is_down_is_asked_once_for_all_that_wait(make_lab: Callable[..., Lab]) -> None:
    lab, grader = make_lab(students=4), SlowGrader()
    grader.error, grader.poison = EngineDownError("no server answered"), "s002"
    with running(grader) as engine:
        futures = [engine.submit(lab, lab.submissions[0])]
        assert grader.busy.wait(5)
        futures += [engine.submit(lab, submission) for submission in lab.submissions[1:]]
        grader.go.set()
        assert [isinstance(future.exception(5), EngineDownError) for future in futures] == [False, True, True, True]
    assert grader.calls == [["s000"], ["s001", "s002", "s003"]]


def test_what_was_prepared_goes_with_its_submission(make_lab: Callable[..., Lab]) -> None:
    lab, grader = make_lab(students=3), SlowGrader()
    with running(grader) as engine:
        engine.submit(lab, lab.submissions[0])
        assert grader.busy.wait(5)
        sheet = engine.prepare(lab, lab.submissions[2])
        waiting = [engine.submit(lab, lab.submissions[1]), engine.submit(lab, lab.submissions[2], sheet=sheet)]
        grader.go.set()
        assert [future.result(5).student for future in waiting] == ["s001", "s002"]
    assert sheet is not None and grader.sheets == [[None], [None, sheet.sheet]]


class Shelved:
    """A grader a course, all of them loaded; `slow` tells how long `of` takes for a course, `broken` that it raises."""

    def __init__(self, *courses: str) -> None:
        self.loaded = {course: SlowGrader() for course in courses}
        self.order: list[str] = []
        self.slow: dict[str, float] = {}
        self.broken: set[str] = set()
        for grader in self.loaded.values():
            grader.go.set()

    def of(self, course: str) -> SlowGrader:
        self.order.append(course)
        time.sleep(self.slow.pop(course, 0))
        if course in self.broken:
            raise RuntimeError(f"no model of {course}")
        return self.loaded[course]

    def ready(self, course: str) -> SlowGrader | None:
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


def test_a_course_with_many_submissions_does_not_keep_the_others_waiting(make_lab: Callable[..., Lab]) -> None:
    lab, shelf = make_lab(students=12), Shelved("a", "b", "c")
    with held_up(shelf, lab, batch=3) as engine:
        waiting = [engine.submit(lab, submission, course="a") for submission in lab.submissions[:9]]
        waiting += [engine.submit(lab, lab.submissions[i], course=course) for i in (9, 10) for course in ("b", "c")]
        shelf.loaded["a"].go.set()
        for future in waiting:
            future.result(5)
    assert shelf.order == ["a", "a", "b", "c", "a", "a"]
    assert shelf.loaded["a"].calls == [["s000"], *([f"s{i:03d}" for i in range(n, n + 3)] for n in (0, 3, 6))]
    assert shelf.loaded["b"].calls == shelf.loaded["c"].calls == [["s009", "s010"]]


def test_a_course_whose_model_took_long_to_load_keeps_its_turn_so_long(make_lab: Callable[..., Lab]) -> None:
    lab, shelf = make_lab(students=6), Shelved("a", "b")
    with held_up(shelf, lab, batch=1) as engine:
        waiting = [engine.submit(lab, lab.submissions[i], course=course) for i in (0, 1, 2) for course in ("b", "a")]
        shelf.slow["b"] = 0.3
        shelf.loaded["a"].go.set()
        for future in waiting:
            future.result(5)
    assert shelf.order == ["a", "b", "b", "b", "a", "a", "a"]


def test_a_course_without_a_model_fails_alone(make_lab: Callable[..., Lab]) -> None:
    lab, shelf = make_lab(), Shelved("a", "b")
    shelf.broken.add("b")
    with held_up(shelf, lab) as engine:
        waiting = [engine.submit(lab, lab.submissions[1], course=course) for course in ("b", "b", "a")]
        shelf.loaded["a"].go.set()
        assert waiting[2].result(5).student == "s001"
        assert [str(future.exception(5)) for future in waiting[:2]] == ["no model of b"] * 2
        assert engine.silent == ("b",)
    assert shelf.loaded["b"].calls == []


def test_one_course_cannot_fill_the_whole_queue(make_lab: Callable[..., Lab]) -> None:
    lab, shelf = make_lab(), Shelved("a", "b")
    with held_up(shelf, lab, waiting=4, share=0.5) as engine:
        for _ in range(2):
            engine.submit(lab, lab.submissions[1], course="a")
        assert engine.full_for("a") and not engine.full_for("b") and not engine.full
        with pytest.raises(QueueFullError):
            engine.submit(lab, lab.submissions[1], course="a")
        for _ in range(2):
            engine.submit(lab, lab.submissions[1], course="b")
        assert engine.full


def test_what_was_prepared_for_a_model_that_was_replaced_is_prepared_again(make_lab: Callable[..., Lab]) -> None:
    lab, shelf = make_lab(), Shelved("a", "b")
    with held_up(shelf, lab) as engine:
        sheet = engine.prepare(lab, lab.submissions[1], "b")
        assert sheet is not None and engine.prepare(lab, lab.submissions[1], "c") is None
        shelf.loaded = {**shelf.loaded, "b": (newer := SlowGrader())}
        newer.go.set()
        future = engine.submit(lab, lab.submissions[1], course="b", sheet=sheet)
        shelf.loaded["a"].go.set()
        assert future.result(5).student == "s001"
    assert newer.sheets == [[None]]
