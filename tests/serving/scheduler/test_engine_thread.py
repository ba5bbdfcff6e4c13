"""The engine thread: batching, refusal when full, cancellation, failures, shutdown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from labs_schema.models import Lab
from serving.engines.engine import EngineDownError
from serving.scheduler.engine_queue import ClosedError, QueueFullError
from serving.scheduler.engine_thread import EngineThread


@contextmanager
def running(grader: Any, **options: Any) -> Iterator[EngineThread]:
    engine = EngineThread(lambda: grader, **options)
    try:
        yield engine
    finally:
        grader.proceed.set()
        engine.close()


def test_queued_submissions_are_graded_in_one_call(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab(students=5)
    with running(grader) as engine:
        futures = [engine.submit(lab, lab.submissions[0])]
        assert grader.called.wait(5)
        futures += [engine.submit(lab, submission) for submission in lab.submissions[1:]]
        grader.proceed.set()
        assert [future.result(5).student for future in futures] == [s.student for s in lab.submissions]
    assert grader.calls == [["s000"], ["s001", "s002", "s003", "s004"]]


def test_a_batch_is_limited_in_size_and_mixes_labs(make_lab: Callable[..., Lab], grader: Any) -> None:
    one, two = make_lab("one"), make_lab("two")
    with running(grader, batch_size=3) as engine:
        first = engine.submit(one, one.submissions[0])
        assert grader.called.wait(5)
        rest = [engine.submit(lab, lab.submissions[i]) for i in (1, 2) for lab in (one, two)]
        grader.proceed.set()
        assert [future.result(5).lab for future in [first, *rest]] == ["one", "one", "two", "one", "two"]
    assert grader.calls == [["s000"], ["s001", "s001", "s002"], ["s002"]]


def test_a_full_queue_refuses_at_once_with_retry_after(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab()
    with running(grader, capacity=2) as engine:
        engine.submit(lab, lab.submissions[0])
        assert grader.called.wait(5)
        queued = [engine.submit(lab, lab.submissions[i]) for i in (1, 2)]
        with pytest.raises(QueueFullError) as full:
            engine.submit(lab, lab.submissions[3])
        assert 1 <= full.value.retry_after <= 60
        grader.proceed.set()
        assert [future.result(5).student for future in queued] == ["s001", "s002"]


def test_an_unused_reserved_slot_is_released(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab()
    with running(grader, capacity=2) as engine:
        engine.submit(lab, lab.submissions[0])
        assert grader.called.wait(5)
        with engine.queue.reserve_slot() as slot:
            engine.submit(lab, lab.submissions[1])
            assert engine.queue.full
            with pytest.raises(QueueFullError), engine.queue.reserve_slot():
                pass
            last = engine.submit(lab, lab.submissions[2], slot=slot)
            assert engine.queue.full
        assert engine.queue.full
        grader.proceed.set()
        assert last.result(5).student == "s002"
        with suppress(ZeroDivisionError), engine.queue.reserve_slot(), engine.queue.reserve_slot():
            assert engine.queue.full
            raise ZeroDivisionError
        assert not engine.queue.full


def test_requests_with_and_without_reasoning_are_separate_calls(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab()
    with running(grader) as engine:
        futures = [engine.submit(lab, lab.submissions[0])]
        assert grader.called.wait(5)
        futures += [engine.submit(lab, lab.submissions[i], reasoning=i == 2) for i in (1, 2, 3)]
        grader.proceed.set()
        assert [future.result(5).student for future in futures] == ["s000", "s001", "s002", "s003"]
    assert (grader.calls, grader.reasoning) == ([["s000"], ["s001", "s003"], ["s002"]], [False, False, True])


def test_a_submission_cancelled_while_queued_is_not_graded(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab()
    with running(grader) as engine:
        engine.submit(lab, lab.submissions[0])
        assert grader.called.wait(5)
        cancelled, other = engine.submit(lab, lab.submissions[1]), engine.submit(lab, lab.submissions[2])
        assert cancelled.cancel()
        grader.proceed.set()
        other.result(5)
    assert grader.calls == [["s000"], ["s002"]]


def test_a_submission_that_breaks_the_engine_fails_alone(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab()
    grader.failing_student = "s002"
    with running(grader) as engine:
        engine.submit(lab, lab.submissions[0])
        assert grader.called.wait(5)
        good, bad, other = (engine.submit(lab, lab.submissions[i]) for i in (1, 2, 3))
        grader.proceed.set()
        assert good.result(5).student == "s001"
        assert other.result(5).student == "s003"
        with pytest.raises(RuntimeError, match="broke"):
            bad.result(5)


def test_close_drains_the_queue_and_closes_the_grader(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab()
    engine = EngineThread(lambda: grader)
    futures = [engine.submit(lab, submission) for submission in lab.submissions]
    grader.proceed.set()
    engine.close()
    engine.close()
    assert all(future.done() for future in futures)
    assert grader.closed
    with pytest.raises(ClosedError):
        engine.submit(lab, lab.submissions[0])


def test_healthy_only_after_a_scored_criterion_and_until_a_failure(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab()
    grader.proceed.set()
    with running(grader) as engine:
        engine.wait_until_open()
        assert not engine.healthy
        grader.scores = False
        engine.submit(lab, lab.submissions[0]).result(5)
        assert not engine.healthy
        grader.scores = True
        engine.submit(lab, lab.submissions[0]).result(5)
        assert engine.healthy
        grader.failing_student = "s001"
        engine.submit(lab, lab.submissions[1]).exception(5)
        assert not engine.healthy


def test_a_failure_to_open_the_grader_is_raised_to_the_caller() -> None:
    def broken() -> Any:
        raise OSError("no weights")

    engine = EngineThread(broken)
    with pytest.raises(OSError, match="no weights"):
        engine.wait_until_open()
    engine.close()


def test_an_engine_that_is_down_is_called_once_for_a_batch(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab(students=4)
    grader.error, grader.failing_student = EngineDownError("no server answered"), "s002"
    with running(grader) as engine:
        futures = [engine.submit(lab, lab.submissions[0])]
        assert grader.called.wait(5)
        futures += [engine.submit(lab, submission) for submission in lab.submissions[1:]]
        grader.proceed.set()
        assert [isinstance(future.exception(5), EngineDownError) for future in futures] == [False, True, True, True]
    assert grader.calls == [["s000"], ["s001", "s002", "s003"]]


def test_an_engine_that_goes_down_during_isolation_is_not_called_again(
    make_lab: Callable[..., Lab], grader: Any
) -> None:
    lab = make_lab(students=5)
    grader.failing_student, grade_each = "s002", grader.grade_each

    def grade(work: Any, **options: Any) -> Any:
        if len(work) == 1:
            grader.error = EngineDownError("no server answered")
        return grade_each(work, **options)

    grader.grade_each = grade
    with running(grader) as engine:
        futures = [engine.submit(lab, lab.submissions[0])]
        assert grader.called.wait(5)
        grader.error = RuntimeError("the engine broke")
        futures += [engine.submit(lab, submission) for submission in lab.submissions[1:]]
        grader.proceed.set()
        down = [isinstance(future.exception(5), EngineDownError) for future in futures]
    assert down == [False, False, True, True, True]
    assert grader.calls == [["s000"], ["s001", "s002", "s003", "s004"], ["s001"], ["s002"]]


def test_a_prepared_request_is_passed_with_its_submission(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab(students=3)
    with running(grader) as engine:
        engine.submit(lab, lab.submissions[0])
        assert grader.called.wait(5)
        prepared = engine.prepare(lab, lab.submissions[2])
        queued = [engine.submit(lab, lab.submissions[1]), engine.submit(lab, lab.submissions[2], prepared=prepared)]
        grader.proceed.set()
        assert [future.result(5).student for future in queued] == ["s001", "s002"]
    assert prepared is not None and grader.requests == [[None], [None, prepared.request]]
