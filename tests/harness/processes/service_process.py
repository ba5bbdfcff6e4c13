"""`grader serve` as a process with a synthetic model, for tests that start, kill and stop it under load.

python -m tests.harness.processes.service_process LABS STORE_URL [--milliseconds 20] [--port 0]
"""

import argparse
import hashlib
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.harness.processes.forking import start, wait_until

CRITERIA = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labs", type=Path)
    parser.add_argument("store")
    parser.add_argument("--milliseconds", type=float, default=20, help="the model's time for a submission")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    os.environ["GRADER_STORE"] = given.store
    serve(given.labs, given.milliseconds / 1000, given.port)


def serve(labs: Path, seconds: float, port: int) -> None:
    """Runs the function of `grader serve` with another model."""
    from grader.service import engine
    from grader.service.service import ServeOptions, run_service

    engine.load_grader = lambda *_, **__: synthetic_grader(seconds)
    run_service(ServeOptions(model="synthetic", labs=labs, port=port, seconds=30, rate="100000/second"))


def synthetic_grader(seconds: float, context_length: int = 4096) -> Any:
    """A real grader over an engine that sleeps `seconds` a submission and answers with a hash of the prompt. Programs
    may have `context_length` tokens."""
    from prompts.encode import PromptEncoder
    from prompts.style import PromptStyle
    from serving.grading.grader import Grader
    from serving.grading.provenance import ModelIdentity
    from tests.harness.models.byte_tokenizer import train_tokenizer

    tokenizer = train_tokenizer(["int a = 0;\n" * 20], entries=512, context_length=context_length)
    encoder = PromptEncoder(tokenizer, context_length=context_length)
    identity = ModelIdentity(base_model="none", model_hash="0", tokenizer_hash="0", prompt_hash="0")
    return Grader(HashEngine(seconds, context_length), encoder, PromptStyle(), identity)


class HashEngine:
    """Prefers the letter that the hash of the prompt selects; `seconds` a submission of `CRITERIA` criteria."""

    name, version = "hash", "1"

    def __init__(self, seconds: float, context_length: int) -> None:
        self.seconds, self.context_length = seconds, context_length

    def score(self, requests: Sequence[Any]) -> list[Any]:
        from serving.engines.engine import LabelScores

        time.sleep(self.seconds * len(requests) / CRITERIA)
        found = []
        for request in requests:
            chosen = hashlib.sha256(str(request.prompt).encode()).digest()[0] % len(request.labels)
            found.append(LabelScores(tuple(-0.2 if i == chosen else -3.0 for i in range(len(request.labels)))))
        return found

    def write(self, prompts: Sequence[Any], max_tokens: int, stop: str, form: str) -> list[Any]:
        del max_tokens, stop, form
        return ["Because."] * len(prompts)

    def close(self) -> None: ...


class Service:
    """This module as a process, in the block; it is ready when the block begins. `log_lines`: what it wrote so far."""

    def __init__(
        self, labs: Path, store: str, *, milliseconds: float = 20, port: int = 0, env: Mapping[str, str] | None = None
    ) -> None:
        self._arguments = [labs, store, "--milliseconds", milliseconds, "--port", port]
        self._env = dict(env or {})
        self.log_lines: list[str] = []

    def __enter__(self) -> Self:
        module = "tests.harness.processes.service_process"
        self.process = start(module, *self._arguments, stderr=subprocess.PIPE, text=True, env=self._env)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        wait_until(lambda: self._address() or self.process.poll() is not None, 90)
        if not (address := self._address()):
            raise RuntimeError("".join(self.log_lines)[-3000:])
        self.url = address
        wait_until(lambda: httpx.get(f"{self.url}/healthz", timeout=30).status_code == 200, 120)
        return self

    def end(self, how: signal.Signals, seconds: float = 90) -> int:
        """Sends a signal; the exit status."""
        self.process.send_signal(how)
        return int(self.process.wait(seconds))

    def requests(self) -> list[dict[str, Any]]:
        """The log lines of answered requests."""
        return [json.loads(line) for line in self.log_lines if line.startswith("{") and '"status"' in line]

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)
        self._reader.join()
        assert self.process.stderr
        self.process.stderr.close()

    def _address(self) -> str | None:
        found = re.search(r"serving on (http://[^\s,]+)", "".join(self.log_lines))
        return found[1] if found else None

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.log_lines.append(line)


if __name__ == "__main__":
    main()
