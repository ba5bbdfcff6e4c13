"""The engine's queue: what is together is graded together, what is too much is refused, what is gone is dropped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from labs_schema.models import Lab
from serving.engines.engine import EngineDownError
from serving.scheduler.engine_queue import ClosedError, QueueFullError
from serving.scheduler.engine_thread import EngineThread


@contextmanager
def running(grader: Any, **limits: Any) -> Iterator[EngineThread]:
    engine = EngineThread(lambda: grader, **limits)
    try:
        yield engine
    finally:
        grader.go.set()
        engine.close()


def test_what_waits_while_the_engine_works_is_graded_in_one_call(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab(students=5)
    with running(grader) as engine:
        futures = [engine.submit(lab, lab.submissions[0])]
        assert grader.busy.wait(5)
        futures += [engine.submit(lab, submission) for submission in lab.submissions[1:]]
        grader.go.set()
        assert [future.result(5).student for future in futures] == [s.student for s in lab.submissions]
    assert grader.calls == [["s000"], ["s001", "s002", "s003", "s004"]]


def test_a_call_holds_at_most_a_batch_of_whatever_labs(make_lab: Callable[..., Lab], grader: Any) -> None:
    one, two = make_lab("one"), make_lab("two")
    with running(grader, batch=3) as engine:
        first = engine.submit(one, one.submissions[0])
        assert grader.busy.wait(5)
        rest = [engine.submit(lab, lab.submissions[i]) for i in (1, 2) for lab in (one, two)]
        grader.go.set()
        assert [future.result(5).lab for future in [first, *rest]] == ["one", "one", "two", "one", "two"]
    assert grader.calls == [["s000"], ["s001", "s001", "s002"], ["s002"]]


def test_a_full_queue_refuses_at_once_and_says_when_to_come_again(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab()
    with running(grader, waiting=2) as engine:
        engine.submit(lab, lab.submissions[0])
        assert grader.busy.wait(5)
        kept = [engine.submit(lab, lab.submissions[i]) for i in (1, 2)]
        with pytest.raises(QueueFullError) as full:
            engine.submit(lab, lab.submissions[3])
        assert 1 <= full.value.retry_after <= 60
        grader.go.set()
        assert [future.result(5).student for future in kept] == ["s001", "s002"]


def test_a_place_is_kept_for_what_is_made_ready_and_is_free_again_if_nothing_comes(
    make_lab: Callable[..., Lab], grader: Any
) -> None:
    lab = make_lab()
    with running(grader, waiting=2) as engine:
        engine.submit(lab, lab.submissions[0])
        assert grader.busy.wait(5)
        with engine.place() as place:
            engine.submit(lab, lab.submissions[1])
            assert engine.full
            with pytest.raises(QueueFullError), engine.place():
                pass
            last = engine.submit(lab, lab.submissions[2], place=place)
            assert engine.full
        assert engine.full
        grader.go.set()
        assert last.result(5).student == "s002"
        with suppress(ZeroDivisionError), engine.place(), engine.place():
            assert engine.full
            raise ZeroDivisionError
        assert not engine.full


def test_a_wish_for_reasons_is_kept_apart_from_those_without(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab()
    with running(grader) as engine:
        futures = [engine.submit(lab, lab.submissions[0])]
        assert grader.busy.wait(5)
        futures += [engine.submit(lab, lab.submissions[i], reasoning=i == 2) for i in (1, 2, 3)]
        grader.go.set()
        assert [future.result(5).student for future in futures] == ["s000", "s001", "s002", "s003"]
    assert (grader.calls, grader.reasoned) == ([["s000"], ["s001", "s003"], ["s002"]], [False, False, True])


def test_what_is_cancelled_while_it_waits_never_reaches_the_grader(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab()
    with running(grader) as engine:
        engine.submit(lab, lab.submissions[0])
        assert grader.busy.wait(5)
        gone, stays = engine.submit(lab, lab.submissions[1]), engine.submit(lab, lab.submissions[2])
        assert gone.cancel()
        grader.go.set()
        stays.result(5)
    assert grader.calls == [["s000"], ["s002"]]


def test_a_submission_that_breaks_the_engine_fails_alone(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab()
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


def test_closing_grades_what_waits_then_refuses_and_closes_the_grader(
    make_lab: Callable[..., Lab], grader: Any
) -> None:
    lab = make_lab()
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
    make_lab: Callable[..., Lab], grader: Any
) -> None:
    lab = make_lab()
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
    def broken() -> Any:
        raise OSError("no weights")

    engine = EngineThread(broken)
    with pytest.raises(OSError, match="no weights"):
        engine.wait_until_open()
    engine.close()


def test_an_engine_that_is_down_is_asked_once_for_all_that_wait(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab(students=4)
    grader.error, grader.poison = EngineDownError("no server answered"), "s002"
    with running(grader) as engine:
        futures = [engine.submit(lab, lab.submissions[0])]
        assert grader.busy.wait(5)
        futures += [engine.submit(lab, submission) for submission in lab.submissions[1:]]
        grader.go.set()
        assert [isinstance(future.exception(5), EngineDownError) for future in futures] == [False, True, True, True]
    assert grader.calls == [["s000"], ["s001", "s002", "s003"]]


def test_what_was_prepared_goes_with_its_submission(make_lab: Callable[..., Lab], grader: Any) -> None:
    lab = make_lab(students=3)
    with running(grader) as engine:
        engine.submit(lab, lab.submissions[0])
        assert grader.busy.wait(5)
        sheet = engine.prepare(lab, lab.submissions[2])
        waiting = [engine.submit(lab, lab.submissions[1]), engine.submit(lab, lab.submissions[2], sheet=sheet)]
        grader.go.set()
        assert [future.result(5).student for future in waiting] == ["s001", "s002"]
    assert sheet is not None and grader.sheets == [[None], [None, sheet.sheet]]
