"""A random walk of three TAs, regrades and restarts against a model: no decision is lost, doubled or misattributed."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from benchmarks.durability.review_walk import walked
from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from serving.courses.lab_registry import read_registry
from serving.courses.served import OneCourse
from serving.jobs.chunk import grade_chunk
from serving.jobs.clarified import for_clarification
from serving.jobs.job import Job
from serving.store.store import Store, open_store
from tests.harness.browser.pages import pages_app
from tests.harness.courses.lab_folders import write_lab
from tests.harness.courses.synthetic_lab import COURSE, LAB, HashBackend
from tests.harness.review.walk import ReviewWalk, walk_lab


class LocalHost:
    """The service in this process. A kill lets the request that is on its way finish."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.folder, self._store = folder / LAB, store
        write_lab(walk_lab(), self.folder)
        self._backend = LabBackend(store, self.folder)

    def client(self) -> TestClient:
        async def current(scope: Any, receive: Any, send: Any) -> None:
            await self._app(scope, receive, send)

        return TestClient(current, "http://localhost", raise_server_exceptions=False)

    def restart(self) -> None:
        registry, _ = read_registry(self.folder.parent)
        courses = OneCourse(COURSE, registry, self.folder.parent)
        self._app = pages_app(self._store, courses, blind_share=0.0)

    def kill(self) -> None: ...

    def work(self, job: str) -> None:
        found = self._backend.jobs.job(job)
        for number in range(found.chunks):
            grade_chunk(self._backend, job, number)
        self._backend.jobs.finish(found)


class LabBackend(HashBackend):
    """Reads the lab from its folder for each job, as a worker does."""

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__(store, load_lab(folder), 0)
        self._folder = folder

    def lab(self, job: Job) -> Lab:
        return for_clarification(self.store.database, job, load_lab(self._folder))


@pytest.mark.parametrize("seed", [5, 8])
def test_a_short_walk(tmp_path: Path, seed: int) -> None:
    store = open_store(f"sqlite:///{tmp_path}/walk.db")
    walk = ReviewWalk(store, LocalHost(store, tmp_path / COURSE), COURSE, seed)
    for _ in range(30):
        walk.step()
    found = walk.finish()
    store.close()
    assert found.pop("records") > 20 and not any(found.values())
    assert walk.counts["status 409"] and walk.counts["race"] and walk.counts["answers applied"]


@pytest.mark.slow
def test_a_walk_with_killed_processes(tmp_path: Path) -> None:
    found = walked(f"sqlite:///{tmp_path}/walk.db", 30, 3)
    assert found["ok"] and found["kills"], found


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_a_walk_of_2000_actions(new_url: Any) -> None:
    found = walked(new_url(), 2000, 7)
    assert found["ok"] and found["kills"] > 50, found
