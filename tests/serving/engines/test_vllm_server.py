"""A `vllm serve` that loads adapters: rejected models and adapters, and a crash in the middle of a job."""

import random
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from labs_schema.limits import TransportLimits
from labs_schema.reading.validate import load_lab
from prompts.manifest import write_manifest
from serving.engines.engine import EngineOptions, LabelScores, ScoreRequest
from serving.engines.http_engine import HttpEngine
from serving.engines.server_pool import NAME_CHARS
from serving.engines.transformers_engine import TransformersEngine
from serving.jobs.job import State
from serving.jobs.worker.backend import WorkerBackend
from serving.jobs.worker.worker import Worker
from serving.model.loading import GraderOptions, load_grader
from serving.model.weights import weights_hashes
from serving.scheduler.engine_thread import EngineThread
from serving.store.store import open_store
from tests.harness.courses.lab_folders import write_lab
from tests.harness.errors import raises_code

pytestmark = pytest.mark.slow


def test_two_adapters_on_one_server_answer_like_their_merged_weights(
    http_engines: dict[str, HttpEngine], adapters: Path
) -> None:
    chance = random.Random(0)
    shared = tuple(chance.randrange(3, 500) for _ in range(200))
    requests = [ScoreRequest((*shared, 300 + i, 7), (40, 41, 42)[: 2 + i % 2], 200) for i in range(8)]
    found = {}
    for name in ("one", "two"):
        merged = str(adapters / name / "merged")
        reference = TransformersEngine(EngineOptions(weights=merged, tokenizer=merged, dtype="float32"))
        found[name], expected = http_engines[name].score(requests), reference.score(requests)
        for ours, theirs in zip(found[name], expected, strict=True):
            assert isinstance(ours, LabelScores) and isinstance(theirs, LabelScores)
            assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-4)
    assert found["one"] != found["two"]


def test_the_base_and_unusable_adapters_are_rejected(
    lora_server: Any, adapters: Path, tiny_model_folder: Path, make_adapter: Callable[..., None], tmp_path: Path
) -> None:
    with raises_code("other-engine-servers"):
        lora_server.engine()
    with raises_code("bad-adapter"):
        lora_server.engine("missing", tmp_path / "missing")
    make_adapter(tiny_model_folder, tmp_path, seed=3, rank=32)
    with raises_code("bad-adapter", r"32.*16.*vllm serve"):
        lora_server.engine("wide", tmp_path / "adapter")
    shutil.copytree(adapters / "one" / "adapter", tmp_path / "broken")
    (tmp_path / "broken" / "adapter_model.safetensors").write_bytes(b"no weights")
    with raises_code("bad-adapter", "broken"):
        lora_server.engine("broken", tmp_path / "broken")


class FakeServer:
    """Answers as a `vllm serve` of `model` that loads adapters, 0.02 s a call."""

    url = "http://a"

    def __init__(self, servers: Any, model: Path) -> None:
        self.base = weights_hashes(str(model))[0][:NAME_CHARS]
        self.servers = servers("a", a=self.base)
        self.servers.context_length = 2048
        self.servers.handlers[self.url] = self._slowly

    def _slowly(self, body: dict[str, Any]) -> httpx.Response:
        time.sleep(0.02)
        answer: httpx.Response = self.servers.scored(body)
        return answer

    def kill(self) -> None:
        self.servers.models[self.url] = []

    def start(self) -> None:
        self.servers.models[self.url] = [self.base]

    def wait(self) -> None: ...


@pytest.fixture(params=["fake", pytest.param("vllm", marks=pytest.mark.nightly)])
def crashing_server(
    request: pytest.FixtureRequest, fake_servers: Any, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """Engines of it lose patience after a second."""
    options: dict[str, Any] = {"limits": TransportLimits(patience_seconds=1.0)}
    server = FakeServer(fake_servers, tiny_model_folder)
    if request.param == "fake":
        options["client"] = httpx.Client(transport=httpx.MockTransport(server.servers))
    else:
        server = request.getfixturevalue("lora_server")
    monkeypatch.setattr("serving.engines.http_engine.HttpEngine", partial(HttpEngine, **options))
    return server


def test_a_job_completes_although_its_server_crashes_and_returns_without_the_adapter(
    crashing_server: Any,
    adapters: Path,
    tiny_model_folder: Path,
    byte_tokenizer: Any,
    manifest_of: Any,
    tmp_path: Path,
    make_lab: Any,
) -> None:
    shutil.copytree(adapters / "one" / "adapter", (run := tmp_path / "run") / "adapter")
    byte_tokenizer.save_pretrained(run / "tokenizer")
    write_manifest(manifest_of(byte_tokenizer, base_model=str(tiny_model_folder), adapter="adapter"), run)
    write_lab(make_lab(students=64), tmp_path / "labs" / "lab1")
    url = f"sqlite:///{tmp_path}/store.db"
    store = open_store(url)
    options = GraderOptions(engine=crashing_server.url, verification_pass=False)
    engine = EngineThread(partial(load_grader, run, options))
    backend = WorkerBackend(store, tmp_path / "labs", engine)
    worker = Worker(backend)
    worker.start()
    try:
        worker.notify(job := backend.jobs.add("course", load_lab(tmp_path / "labs" / "lab1"), actor="ta"))
        until(lambda: backend.jobs.progress(job.id).graded > 0)
        crashing_server.kill()
        killed_at = backend.jobs.progress(job.id).graded
        crashing_server.start()
        until(lambda: backend.jobs.progress(job.id).state not in (State.QUEUED, State.RUNNING))
        found = backend.jobs.progress(job.id)
        assert (found.state, found.graded, found.parked) == (State.DONE, 64, ()) and killed_at < 64
        recorded = store.read_grades(job.id)
        assert len({each.student for each in recorded}) == len(recorded) == 64
        assert all(criterion.rating for each in recorded if each.grade for criterion in each.grade.criteria)
        assert store.verify().faults == ()
    finally:
        crashing_server.wait()
        worker.stop()
        engine.close()
        store.close()


def until(done: Callable[[], bool], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)
