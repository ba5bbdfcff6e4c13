"""Python processes that can import this repository, and waiting for a condition."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def start(module: str, *arguments: object, **options: Any) -> "subprocess.Popen[Any]":
    """`python -m module arguments`; `options` are those of `Popen`, `env` adds to this process's environment."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **options.pop("env", {})}
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, **options)


def wait_until(condition: Callable[[], Any], seconds: float = 60, ignore: type[Exception] | tuple[()] = ()) -> Any:
    """The first true value of `condition`. Raises TimeoutError; an `ignore`d error counts as false."""
    end = time.monotonic() + seconds
    while True:
        with suppress(*([ignore] if ignore else [])):
            if value := condition():
                return value
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
