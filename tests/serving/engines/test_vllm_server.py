"""Real `vllm serve` processes behind the HTTP engine."""

import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from labs_schema.validate import load_lab
from labs_schema.writer import write_lab
from serving.api.engine_thread import EngineThread
from serving.engines.engine import LabelScores, ScoreRequest
from serving.engines.http_engine import HttpEngine
from serving.engines.transformers_engine import TransformersEngine
from serving.jobs import workflows
from serving.jobs.desk import LabDesk
from serving.jobs.job import State
from serving.jobs.worker import Worker
from serving.served_model import load_grader
from serving.store.store import open_store

pytestmark = pytest.mark.slow


def submissions(count: int) -> list[ScoreRequest]:
    return [
        ScoreRequest((*range(n + 20, n + 220), 300 + criterion, 7), (40, 41, 42)[: 2 + criterion % 2])
        for n in range(count)
        for criterion in range(4)
    ]


def test_it_scores_as_plain_transformers_does(vllm_server: Any, tiny_model_folder: Path) -> None:
    work = submissions(3)
    engine = HttpEngine([vllm_server.url])
    served = engine.score(work)
    engine.close()
    plain = TransformersEngine(tiny_model_folder).score(work)
    for ours, theirs in zip(served, plain, strict=True):
        assert isinstance(ours, LabelScores) and isinstance(theirs, LabelScores)
        assert [math.exp(p) for p in ours.logprobs] == pytest.approx([math.exp(p) for p in theirs.logprobs], abs=0.02)


def test_a_job_of_the_store_ends_by_itself_though_its_server_was_killed_in_the_middle(
    vllm_server: Any, tiny_model_folder: Path, tmp_path: Path, make_lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.engines.http_engine.HttpEngine", partial(HttpEngine, patience=1.0))
    monkeypatch.setattr(workflows, "PATIENCE_SECONDS", 4.0)  # and so the job outlasts several rounds
    write_lab(make_lab(students=64), tmp_path / "labs" / "lab1")
    url = f"sqlite:///{tmp_path}/store.db"
    store = open_store(url)
    engine = EngineThread(partial(load_grader, str(tiny_model_folder), engine=vllm_server.url, second_reading=False))
    desk = LabDesk(store, tmp_path / "labs", engine)
    worker = Worker(desk, url, dead_seconds=3)
    worker.start()
    try:
        worker.begin(job := desk.book.add("course", load_lab(tmp_path / "labs" / "lab1"), actor="ta"))
        until(lambda: desk.book.progress(job.id).graded > 0)
        vllm_server.kill()
        killed_at = desk.book.progress(job.id).graded
        vllm_server.start()
        until(lambda: desk.book.progress(job.id).state not in (State.QUEUED, State.RUNNING))
        found = desk.book.progress(job.id)
        assert (found.state, found.graded, found.parked) == (State.DONE, 64, ()) and killed_at < 64
        assert found.job.round > 1
        kept = store.recorded(job.id)
        assert len({each.student for each in kept}) == len(kept) == 64
        assert all(criterion.rating for each in kept if each.grade for criterion in each.grade.criteria)
        assert store.verify().faults == ()
    finally:
        vllm_server.wait()
        worker.stop()
        engine.close()
        store.close()


def until(done: Callable[[], bool], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)
