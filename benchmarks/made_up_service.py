"""`grader serve` with all that belongs to it but a model: what its tests under load start, kill and stop.

python benchmarks/made_up_service.py LABS STORE_URL [--milliseconds 20] [--patience 60] [--port 0]
"""

import argparse
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

LAB, CRITERIA = "chaos", 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labs", type=Path)
    parser.add_argument("store")
    parser.add_argument("--milliseconds", type=float, default=20, help="that the model takes for a submission")
    parser.add_argument("--patience", type=float, default=60, help="seconds for which a job's part is tried")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    os.environ["GRADER_STORE"] = given.store
    serve(given.labs, given.milliseconds / 1000, given.patience, given.port)


def serve(labs: Path, seconds: float, patience: float, port: int) -> None:
    """The command's own function, but for the model."""
    from serving.model import loading

    loading.load_grader = lambda *_, **__: made_up_grader(seconds)
    from grader.service.service import ServeOptions, run_service
    from serving.jobs import workflows

    workflows.PATIENCE_SECONDS = patience
    run_service(ServeOptions(model="made-up", labs=labs, port=port, seconds=30, rate="100000/second"))


def made_up_grader(seconds: float, context_length: int = 4096) -> Any:
    """A real grader over an engine that thinks for `seconds` a submission and then says what a hash says. Programs may
    have `context_length` tokens."""
    from prompts.encode import PromptEncoder
    from prompts.style import PromptStyle
    from serving.grading.grader import Grader
    from serving.grading.provenance import ModelIdentity
    from training.tiny.tokenizer import train_tokenizer

    tokenizer = train_tokenizer(["int a = 0;\n" * 20], entries=512, context_length=context_length)
    encoder = PromptEncoder(tokenizer, context_length=context_length)
    identity = ModelIdentity(base_model="none", model_hash="0", tokenizer_hash="0", prompt_hash="0")
    return Grader(HashEngine(seconds, context_length), encoder, PromptStyle(), identity)


class HashEngine:
    """Prefers a letter by the hash of the prompt; `seconds` a submission of `CRITERIA` criteria."""

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
    """This file as a process of its own, in the block; it has answered once when the block begins. `logged` are the
    lines that it wrote so far."""

    def __init__(self, labs: Path, store: str, *, milliseconds: float = 20, patience: float = 60) -> None:
        options = ["--milliseconds", str(milliseconds), "--patience", str(patience)]
        self._command = [sys.executable, __file__, str(labs), store, *options]
        self.logged: list[str] = []

    def __enter__(self) -> Self:
        root = str(Path(__file__).resolve().parents[1])
        environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True, env=environment)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        until(lambda: self._told() or self.process.poll() is not None, 90)
        if not (told := self._told()):
            raise RuntimeError("".join(self.logged)[-3000:])
        self.url = told
        until(lambda: httpx.get(f"{self.url}/healthz").status_code == 200, 30)
        return self

    def end(self, how: signal.Signals, seconds: float = 90) -> int:
        """Sends a signal; the exit status."""
        self.process.send_signal(how)
        return self.process.wait(seconds)

    def requests(self) -> list[dict[str, Any]]:
        """What it logged of the requests it answered."""
        return [json.loads(line) for line in self.logged if line.startswith("{") and '"status"' in line]

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)
        self._reader.join()

    def _told(self) -> str | None:
        found = re.search(r"serving on (http://[^\s,]+)", "".join(self.logged))
        return found[1] if found else None

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.logged.append(line)


def until(done: Any, seconds: float) -> None:
    """Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f"it took more than {seconds:g} s")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
