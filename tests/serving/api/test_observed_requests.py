"""Submissions to a lab with checks wait for an observer, and are graded with what it observed, or without it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from labs_schema.limits import ObserverLimits
from labs_schema.models import Lab
from serving.api import observation_requests
from serving.api.schemas.examples import BY_LAB
from serving.observer.queue import NO_OBSERVER, TOO_LATE, ObservationQueue
from serving.observer.worker import ObserverWorker
from tests.harness.courses.lab_folders import write_lab
from tests.harness.processes.forking import wait_until
from tests.harness.processes.observer_process import EvenPasses
from tests.serving.api.conftest import COURSE, CourseSetup

GRADE = {**BY_LAB, "lab": "lab1", "student": "s7"}


@pytest.fixture
def setup(
    make_lab: Callable[..., Lab], store: Any, fake_grader: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CourseSetup]:
    """A lab with checks; its submissions were not observed."""
    monkeypatch.setattr(observation_requests, "LIMITS", ObserverLimits(wait_seconds=0.5, poll_seconds=0.05))
    write_lab(make_lab(students=3), tmp_path / "labs" / "lab1")
    (tmp_path / "labs" / "lab1" / "checks.yaml").write_text("tests: [{name: even, stdout: '0'}]")
    course = CourseSetup(store, tmp_path / "labs", lambda: fake_grader)
    yield course
    course.close()


@pytest.fixture
def observer(store: Any, tmp_path: Path) -> Iterator[ObserverWorker]:
    even = EvenPasses(tmp_path / "observed", 0.0)
    worker = ObserverWorker(ObservationQueue(store.database), lambda _: even, lambda: [COURSE])
    worker.start()
    yield worker
    worker.stop()


def graded(client: TestClient, body: dict[str, Any] = GRADE, **headers: str) -> dict[str, Any]:
    answer = client.post("/grade", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def reasons(body: dict[str, Any]) -> set[str]:
    found = {reason for each in body["criteria"] for reason in each["review_reasons"]}
    return {reason for reason in found if reason.startswith("not-observed")}


def test_it_is_graded_with_what_an_observer_found(setup: CourseSetup, observer: ObserverWorker, store: Any) -> None:
    body = graded(setup.serve())
    assert body["provenance"]["observations_hash"] and not reasons(body)
    assert store.read_submission(body["grade_id"]).observations.result("even")
    assert observer.queue.waiting() == 0


def test_without_an_observer_it_is_graded_at_once_and_needs_review(setup: CourseSetup, store: Any) -> None:
    body = graded(setup.serve(), **{"Idempotency-Key": "k1"})
    assert body["provenance"]["observations_hash"] is None and reasons(body) == {f"not-observed: {NO_OBSERVER}"}
    assert all(each["status"] == "needs_review" and each["rating"] for each in body["criteria"])
    assert store.read_submission(body["grade_id"]).unobserved == NO_OBSERVER


def test_observer_that_takes_too_long_is_not_waited_for(setup: CourseSetup, store: Any) -> None:
    ObservationQueue(store.database).heartbeats.beat("slow", 60, [COURSE])
    assert reasons(graded(setup.serve())) == {f"not-observed: {TOO_LATE}"}


def test_requests_with_observations_and_labs_without_checks_do_not_wait(setup: CourseSetup) -> None:
    result = {"check": "even", "kind": "test", "outcome": "passed"}
    body = graded(setup.serve(), {**GRADE, "observations": {"source": "gradescope", "results": [result]}})
    assert body["provenance"]["observations_hash"] and not reasons(body)
    (setup.labs / "lab1" / "checks.yaml").unlink()
    assert not reasons(graded(setup.serve()))


@pytest.mark.parametrize("running", [True, False])
def test_jobs_observe_what_the_lab_has_not(
    setup: CourseSetup, running: bool, request: pytest.FixtureRequest, store: Any, fake_grader: Any
) -> None:
    if running:
        request.getfixturevalue("observer")
    from serving.jobs.worker.backend import WorkerBackend
    from serving.jobs.worker.worker import Worker
    from serving.scheduler.engine_thread import EngineThread

    engine = EngineThread(lambda: fake_grader)
    worker = Worker(WorkerBackend(store, setup.labs, engine))
    worker.start()
    client = setup.serve(run_jobs=False)
    job = client.post("/labs/lab1/regrade").json()["id"]
    wait_until(lambda: client.get(f"/jobs/{job}").json()["state"] == "done", 30)
    worker.stop()
    engine.close()
    found = [store.read_submission(each.id) for each in store.read_grades(job)]
    assert [(bool(each.observations), each.unobserved) for each in found] == [
        (running, "" if running else NO_OBSERVER)
    ] * 3
