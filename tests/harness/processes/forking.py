"""Python processes that can import this repository, and waiting for a condition."""

import atexit
import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing import reduction
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[3]
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.harness.processes.preloaded"])
STREAMS = ("stdin", "stdout", "stderr")


class ForkedProcess:
    """`python -m module arguments`, forked from a process that has imported what most of them need.

    Has the methods of `subprocess.Popen` that tests use. `streams`: stream -> `subprocess.PIPE` or an open file.
    """

    stdin: Any = None
    stdout: Any = None
    stderr: Any = None

    def __init__(
        self, module: str, arguments: list[str], env: Mapping[str, str], *, text: bool = False, **streams: Any
    ) -> None:
        given: dict[int, int] = {}
        for number, name in enumerate(STREAMS):
            stream = streams.pop(name, None)
            if stream == subprocess.PIPE:
                ends = os.pipe()
                given[number] = ends[number > 0]
                mode = ("r" if number else "w") + ("" if text else "b")
                setattr(self, name, os.fdopen(ends[number == 0], mode))
            elif stream is not None:
                file = os.open(os.devnull, os.O_RDWR) if stream == subprocess.DEVNULL else os.dup(stream.fileno())
                given[number] = file
        assert not streams, streams
        wrapped = {number: _Descriptor(fd) for number, fd in given.items()}
        self._process = PROCESSES.Process(target=_run, args=(module, arguments, dict(env), Path.cwd(), wrapped))
        self._process.start()
        for fd in given.values():
            os.close(fd)

    @property
    def pid(self) -> int:
        assert self._process.pid
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if (status := self.poll()) is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, given: Any = None) -> tuple[Any, Any]:
        """Writes and closes the input, and returns the rest of both outputs, of which one may be long, at the end."""
        if self.stdin:
            if given:
                self.stdin.write(given)
            self.stdin.close()
        read = [stream.read() if stream and not stream.closed else None for stream in (self.stdout, self.stderr)]
        self.__exit__()
        return read[0], read[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream:
                stream.close()
        self.wait()


class _Descriptor:
    """An open file of this process that the new one gets."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __reduce__(self) -> Any:
        return _received, (reduction.DupFd(self.fd),)


def _received(duplicate: Any) -> int:
    return int(duplicate.detach())


def _run(module: str, arguments: list[str], env: dict[str, str], folder: Path, streams: dict[int, int]) -> None:
    """In the new process."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    for number, fd in streams.items():
        os.dup2(fd, number)
        os.close(fd)
    if 0 in streams:
        sys.stdin = os.fdopen(0)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()


def start(module: str, *arguments: object, env: Mapping[str, str] | None = None, **options: Any) -> ForkedProcess:
    """`python -m module arguments`; `env` adds to this process's environment."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **(env or {})}
    return ForkedProcess(module, [*map(str, arguments)], environment, **options)


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
