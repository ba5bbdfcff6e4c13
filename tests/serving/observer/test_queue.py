"""The queue of submissions that wait for an observer: each is settled once, also over kills of the observer."""

import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from labs_schema.errors import GraderError
from labs_schema.limits import JobLimits, RetryLimits
from labs_schema.models import Submission
from labs_schema.observations import SubmissionObservations
from serving.observer.queue import NO_OBSERVER, ObservationQueue, Work
from serving.observer.worker import ObserverWorker
from serving.observing.isolation.watching import SandboxError
from serving.store.store import Store, open_store
from serving.store.tables import observation_requests
from tests.harness.courses.synthetic_lab import COURSE, LAB, synthetic_lab
from tests.harness.processes.forking import ForkedProcess, start, wait_until
from tests.harness.processes.observer_process import DEAD_SECONDS, even_passes

ALIVE = 60.0


@pytest.fixture
def opened(new_url: Callable[[], str]) -> Iterator[Store]:
    store = open_store(new_url())
    yield store
    store.close()


def works(store: Store, count: int = 3, request: str = "r1") -> list[Work]:
    found = []
    for submission in synthetic_lab(count).submissions:
        pseudonym = store.pseudonym_for(COURSE, submission.student, actor="test")
        own = submission.model_copy(update={"student": pseudonym, "folder": pseudonym})
        found.append(Work(request=request, course=COURSE, lab=LAB, checks="0" * 64, submission=own))
    return found


def queue_with(store: Store, *names: str) -> ObservationQueue:
    queue = ObservationQueue(store.database)
    for name in names:
        queue.heartbeats.beat(name, ALIVE, [COURSE])
    return queue


def test_each_submission_is_claimed_once_and_its_first_outcome_counts(opened: Store) -> None:
    wanted, queue = works(opened), queue_with(opened, "o1", "o2")
    assert queue.settled(wanted) == [None, None, None] == queue.settled(wanted)
    claimed = [queue.claim("o1", [COURSE]), queue.claim("o2", [COURSE]), queue.claim("o1", [COURSE])]
    assert [each and each.submission.files for each in claimed] == [each.submission.files for each in wanted]
    assert queue.claim("o2", [COURSE]) is None and queue.claim("o2", ["other"]) is None
    queue.record(wanted[0], even_passes(wanted[0].submission))
    queue.fail(wanted[0], "too late")
    queue.fail(wanted[1], "no compiler")
    queue.record(wanted[1], even_passes(wanted[1].submission))
    first, second, third = queue.settled(wanted)
    assert first and first.observations == even_passes(wanted[0].submission) and first.reason == ""
    assert second and second.observations is None and second.reason == "no compiler" and third is None
    assert queue.give_up(wanted[2], "late").reason == "late" and queue.waiting() == 0
    queue.record(wanted[2], even_passes(wanted[2].submission))
    assert queue.settled(wanted)[2] == (None, "late")


def test_without_a_live_observer_of_the_course_it_is_settled_at_once(opened: Store) -> None:
    wanted = works(opened, 1)
    queue = ObservationQueue(opened.database, dead_seconds=0.0)
    queue.heartbeats.beat("dead", ALIVE, [COURSE])
    queue.heartbeats.beat("of another course", ALIVE, ["other"])
    assert queue.settled(wanted) == [(None, NO_OBSERVER)]
    assert queue_with(opened, "o1").settled(wanted) == [(None, NO_OBSERVER)]  # a repeated request has the same grade
    assert queue_with(opened, "o1").settled(works(opened, 1, "r2")) == [None]


def test_claims_of_a_dead_observer_are_free_and_a_program_that_kills_observers_is_given_up(opened: Store) -> None:
    wanted, queue = works(opened, 1), queue_with(opened, "o1")
    queue.settled(wanted)
    for _ in range(RetryLimits().crashes):
        assert queue.claim("o1", [COURSE])
        queue.heartbeats.leave("o1")
        queue.heartbeats.beat("o1", ALIVE, [COURSE])
    assert queue.claim("o1", [COURSE]) is None
    [settled] = queue.settled(wanted)
    assert settled and "ended" in settled.reason


def test_forgetting_a_student_erases_what_waits_and_nothing_is_added_later(opened: Store) -> None:
    wanted, queue = works(opened, 1), queue_with(opened, "o1")
    queue.settled(wanted)
    opened.forget_student("s0", COURSE, actor="test")
    queue.record(wanted[0], even_passes(wanted[0].submission))
    [settled] = queue.settled(wanted)
    assert settled and settled.observations is None and "forgotten" in settled.reason
    with opened.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(observation_requests)).scalar() == 0


def test_old_outcomes_are_deleted(store: Store) -> None:
    queue_with(store, "o1").settled(works(store, 2))
    store.database.now = lambda: datetime.now(UTC) + timedelta(days=2)
    later = ObservationQueue(store.database)
    later.settled(works(store, 1, "r2"))
    assert later.waiting() == 1


class Script:
    """Observes, or raises what `error` is."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.threads = error, set[str]()

    def observe(self, submission: Submission) -> SubmissionObservations:
        self.threads.add(threading.current_thread().name)
        if self.error:
            raise self.error
        return even_passes(submission)


def settle(store: Store, wanted: Sequence[Work], script: Script) -> tuple[ObserverWorker, list[Any]]:
    queue = ObservationQueue(store.database)
    worker = ObserverWorker(queue, lambda _: script, lambda: [COURSE], threads=2, limits=JobLimits(stop_seconds=5))
    worker.start()
    queue.settled(wanted)
    wait_until(lambda: worker.stopping.is_set() or all(queue.settled(wanted)), 20)
    worker.stop()
    return worker, queue.settled(wanted)


def test_checks_that_cannot_be_run_leave_the_submission_unobserved(store: Store) -> None:
    _, [settled] = settle(store, works(store, 1), Script(GraderError("no gcc", code="tool-missing")))
    assert settled.observations is None and "tool-missing" in settled.reason
    _, [settled] = settle(store, works(store, 1, "r2"), Script(RuntimeError("int a;")))
    assert "RuntimeError" in settled.reason and "int a" not in settled.reason


def test_observer_without_a_working_sandbox_stops_and_leaves_its_work(store: Store) -> None:
    wanted = works(store, 1)
    worker, _ = settle(store, wanted, Script(SandboxError("gone")))
    assert isinstance(worker.failure, SandboxError)
    with store.database.reading() as connection:
        row = connection.execute(select(observation_requests)).one()
    assert (row.attempts, row.result) == (0, None)


@pytest.mark.slow
def test_killed_observers_lose_and_double_nothing(new_url: Callable[[], str], tmp_path: Path) -> None:
    url, log = new_url(), tmp_path / "log"
    log.touch()
    store = open_store(url)
    wanted, queue = works(store, 40), ObservationQueue(store.database, dead_seconds=DEAD_SECONDS)

    def observer() -> ForkedProcess:
        process = start("tests.harness.processes.observer_process", url, "o1", log, stdout=subprocess.PIPE, text=True)
        assert process.stdout and process.stdout.readline() == "ready\n"
        process.stdout.close()
        return process

    process = observer()
    queue.settled(wanted)
    for kill in range(1, 3):
        wait_until(lambda least=8 * kill: len(log.read_text().splitlines()) >= least, 60)
        process.kill()
        process.wait()
        queue.heartbeats.beat("another", ALIVE, ["other"])
        process = observer()
    wait_until(lambda: all(queue.settled(wanted)), 60)
    process.kill()
    process.wait()
    settled = queue.settled(wanted)
    assert [each and each.observations for each in settled] == [even_passes(each.submission) for each in wanted]
    with store.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(observation_requests)).scalar() == 40
    run = log.read_text().splitlines()
    assert set(run) == {each.submission.student for each in wanted} and len(run) <= 40 + 2 * 2
    store.close()
