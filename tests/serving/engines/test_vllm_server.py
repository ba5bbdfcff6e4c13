"""A real `vllm serve` behind the HTTP engine, that puts adapters on its model. One without is asked in
tests/serving/cluster/test_ray_engines.py."""

import json
import random
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import ModelError
from labs_schema.lab_writer import write_lab
from labs_schema.reading.validate import load_lab
from prompts.manifest import write_manifest
from prompts.verdict import CLOSING
from serving.engines.engine import LabelScores, ScoreRequest
from serving.engines.http_engine import HttpEngine
from serving.engines.transformers_engine import TransformersEngine
from serving.grading.explanations import REASON_FORM
from serving.jobs import workflows
from serving.jobs.backend import WorkerBackend
from serving.jobs.job import State
from serving.jobs.worker import Worker
from serving.model.loading import load_grader
from serving.scheduler.engine_thread import EngineThread
from serving.store.store import open_store

pytestmark = pytest.mark.slow
NEAR = 1e-4
"""Of log-probabilities in fp32."""
NAMES = ("one", "two")


@pytest.fixture(scope="module")
def runs(tiny_model_folder: Path, make_adapter: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two adapters on the served model, `one` and `two`, each beside its merged weights."""
    folder = tmp_path_factory.mktemp("runs")
    for name, seed, rank in (("one", 1, 5), ("two", 2, 16)):
        make_adapter(tiny_model_folder, folder / name, seed, rank)
    return folder


def logprobs(answers: Sequence[object]) -> list[float]:
    assert all(isinstance(answer, LabelScores) for answer in answers)
    return [p for answer in answers if isinstance(answer, LabelScores) for p in answer.logprobs]


def furthest(ones: Sequence[float], others: Sequence[float]) -> float:
    return max(abs(one - other) for one, other in zip(ones, others, strict=True))


def test_adapters_put_on_a_running_server_answer_as_their_merged_weights_do(
    lora_server: Any, runs: Path, tiny_model_folder: Path, make_adapter: Callable[..., None], tmp_path: Path
) -> None:
    chance = random.Random(0)
    submissions = [tuple(chance.randrange(3, 500) for _ in range(200)) for _ in range(8)]
    asked = [
        ScoreRequest((*each, 300 + i, 7), (40, 41, 42)[: 2 + i % 2], 200) for each in submissions for i in range(4)
    ]
    merged = {
        name: logprobs(TransformersEngine(runs / name / "merged", dtype="float32").score(asked)) for name in NAMES
    }
    assert furthest(merged["one"], merged["two"]) > 0.1

    def opened(name: str, adapter: Path) -> HttpEngine:
        return HttpEngine([lora_server.url], model_hash=lora_server.name, adapter=(name, adapter))

    engines = {name: opened(name, runs / name / "adapter") for name in NAMES}
    for name in ("one", "two", "one"):
        assert furthest(logprobs(engines[name].score(asked)), merged[name]) < NEAR
    with ThreadPoolExecutor(2) as pool:  # in one batch
        together = dict(zip(NAMES, pool.map(lambda name: engines[name].score(asked), NAMES), strict=True))
    assert all(furthest(logprobs(together[name]), merged[name]) < NEAR for name in NAMES)
    [written] = engines["one"].write([(*submissions[0], 34)], 60, CLOSING, REASON_FORM.replace(")+", "){1,4}"))
    assert isinstance(written, str) and 1 <= len(json.loads(f'"{written}"')) <= 4

    with pytest.raises(ModelError, match="with an adapter's weights"):
        HttpEngine([lora_server.url], model_hash=lora_server.name)
    with pytest.raises(ModelError, match="no LoRA adapter"):
        opened("missing", tmp_path / "missing")
    make_adapter(tiny_model_folder, tmp_path, seed=3, rank=32)
    with pytest.raises(ModelError, match=r"LoRA rank 32 is greater than max_lora_rank 16.* Start them as: vllm serve"):
        opened("wide", tmp_path / "adapter")
    shutil.copytree(runs / "one" / "adapter", tmp_path / "broken")
    (tmp_path / "broken" / "adapter_model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match=r"no engine server can put .*broken on its model"):
        opened("broken", tmp_path / "broken")
    assert furthest(logprobs(engines["two"].score(asked)), merged["two"]) < NEAR
    for engine in engines.values():
        engine.close()


def test_a_job_of_the_store_ends_by_itself_though_its_server_was_killed_in_the_middle(
    lora_server: Any,
    runs: Path,
    tiny_model_folder: Path,
    byte_tokenizer: Any,
    manifest_of: Any,
    tmp_path: Path,
    make_lab: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server comes back without the adapter that the job is graded with, too."""
    shutil.copytree(runs / "one" / "adapter", (run := tmp_path / "run") / "adapter")
    byte_tokenizer.save_pretrained(run / "tokenizer")
    write_manifest(manifest_of(byte_tokenizer, base_model=str(tiny_model_folder), adapter="adapter"), run)
    monkeypatch.setattr("serving.engines.http_engine.HttpEngine", partial(HttpEngine, patience=1.0))
    monkeypatch.setattr(workflows, "PATIENCE_SECONDS", 4.0)  # and so the job outlasts several rounds
    write_lab(make_lab(students=64), tmp_path / "labs" / "lab1")
    url = f"sqlite:///{tmp_path}/store.db"
    store = open_store(url)
    engine = EngineThread(partial(load_grader, run, engine=lora_server.url, verification_pass=False))
    desk = WorkerBackend(store, tmp_path / "labs", engine)
    worker = Worker(desk, url, dead_seconds=3)
    worker.start()
    try:
        worker.begin(job := desk.book.add("course", load_lab(tmp_path / "labs" / "lab1"), actor="ta"))
        until(lambda: desk.book.progress(job.id).graded > 0)
        lora_server.kill()
        killed_at = desk.book.progress(job.id).graded
        lora_server.start()
        until(lambda: desk.book.progress(job.id).state not in (State.QUEUED, State.RUNNING))
        found = desk.book.progress(job.id)
        assert (found.state, found.graded, found.parked) == (State.DONE, 64, ()) and killed_at < 64
        assert found.job.round > 1
        kept = store.recorded(job.id)
        assert len({each.student for each in kept}) == len(kept) == 64
        assert all(criterion.rating for each in kept if each.grade for criterion in each.grade.criteria)
        assert store.verify().faults == ()
    finally:
        lora_server.wait()
        worker.stop()
        engine.close()
        store.close()


def until(done: Callable[[], bool], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)
