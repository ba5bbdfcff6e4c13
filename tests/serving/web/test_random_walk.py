"""A random walk of three TAs, regrades and restarts against a model: no decision is lost, doubled or misattributed."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from benchmarks.review_walk import STUDENTS, walked
from serving.store.store import open_store
from tests.harness.pages import pages_app
from tests.harness.review_walk import ReviewWalk
from tests.harness.synthetic_lab import COURSE, synthetic_lab


class LocalHost:
    """The service in this process. A kill lets the request that is on its way finish."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def client(self) -> TestClient:
        async def current(scope: Any, receive: Any, send: Any) -> None:
            await self._app(scope, receive, send)

        return TestClient(current, "http://localhost", raise_server_exceptions=False)

    def restart(self) -> None:
        self._app = pages_app(self._store, blind_share=0.0, course=COURSE)

    def kill(self) -> None: ...


@pytest.mark.parametrize("seed", [1, 2])
def test_a_short_walk(tmp_path: Path, seed: int) -> None:
    store = open_store(f"sqlite:///{tmp_path}/walk.db")
    walk = ReviewWalk(store, LocalHost(store), synthetic_lab(STUDENTS), COURSE, seed)
    for _ in range(60):
        walk.step()
    found = walk.finish()
    store.close()
    assert found.pop("records") > 50 and not any(found.values())
    assert walk.counts["status 409"] and walk.counts["race"] and walk.counts["restored drafts"]


@pytest.mark.slow
def test_a_walk_with_killed_processes(tmp_path: Path) -> None:
    found = walked(f"sqlite:///{tmp_path}/walk.db", 80, 3)
    assert found["ok"] and found["kills"], found


@pytest.mark.nightly
def test_a_walk_of_2000_actions(new_url: Any) -> None:
    found = walked(new_url(), 2000, 7)
    assert found["ok"] and found["kills"] > 50, found
