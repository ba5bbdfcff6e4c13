"""Real `vllm serve` processes behind the HTTP engine."""

import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from serving.engines.engine import LabelScores, ScoreRequest
from serving.engines.http_engine import HttpEngine
from serving.engines.transformers_engine import TransformersEngine

pytestmark = pytest.mark.slow


class VllmServer:
    """A `vllm serve` of `model` on a free port, which it keeps when it is started again."""

    def __init__(self, model: Path, log: Path) -> None:
        self.model, self.log = model, log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("vllm")), "serve", str(self.model), "--port", str(self.port)]
        limits = ["--max-logprobs", "26", "--enforce-eager", "--block-size", "32", "--shutdown-timeout", "30"]
        cpu = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "0-1", "VLLM_NO_USAGE_STATS": "1"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *limits], stdout=log, stderr=log, env=os.environ | cpu, start_new_session=True
            )

    def wait(self, seconds: float = 180) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                httpx.get(f"{self.url}/health", timeout=1).raise_for_status()
                return
            except httpx.HTTPError:
                time.sleep(0.5)
        raise RuntimeError(self.log.read_text()[-3000:])

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def server(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    server = VllmServer(tiny_model_folder, tmp_path_factory.mktemp("vllm") / "log")
    server.start()
    try:
        server.wait()
        yield server
    finally:
        server.kill()


def submissions(count: int) -> list[ScoreRequest]:
    return [
        ScoreRequest((*range(n + 20, n + 220), 300 + criterion, 7), (40, 41, 42)[: 2 + criterion % 2])
        for n in range(count)
        for criterion in range(4)
    ]


def test_it_scores_as_plain_transformers_does(server: VllmServer, tiny_model_folder: Path) -> None:
    work = submissions(3)
    engine = HttpEngine([server.url])
    served = engine.score(work)
    engine.close()
    plain = TransformersEngine(tiny_model_folder).score(work)
    for ours, theirs in zip(served, plain, strict=True):
        assert isinstance(ours, LabelScores) and isinstance(theirs, LabelScores)
        assert [math.exp(p) for p in ours.logprobs] == pytest.approx([math.exp(p) for p in theirs.logprobs], abs=0.02)


def test_a_job_outlives_the_death_of_its_server(server: VllmServer) -> None:
    engine = HttpEngine([server.url], patience=240)
    work = submissions(100)
    before = engine.score(work[:8])

    def die() -> None:
        time.sleep(0.3)
        server.kill()
        server.start()

    death = threading.Thread(target=die)
    death.start()
    answers = [answer for start in range(0, len(work), 40) for answer in engine.score(work[start : start + 40])]
    death.join()
    server.wait()
    assert all(isinstance(answer, LabelScores) for answer in answers)
    for one, other in zip(answers, before, strict=False):
        assert isinstance(one, LabelScores) and isinstance(other, LabelScores)
        assert one.logprobs == pytest.approx(other.logprobs, abs=0.05)
    engine.close()
