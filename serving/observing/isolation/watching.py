"""Waits until a started sandbox ends or exceeds a limit, and kills all remaining processes."""

import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import IO

from labs_schema.errors import GraderError
from serving.observing.isolation.cgroups import Group

CHUNK = 65_536
_FATAL = frozenset({
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS,
    signal.SIGFPE, signal.SIGKILL, signal.SIGUSR1, signal.SIGSEGV, signal.SIGUSR2, signal.SIGPIPE, signal.SIGALRM,
    signal.SIGTERM, signal.SIGXCPU, signal.SIGXFSZ, signal.SIGVTALRM, signal.SIGPROF, signal.SIGSYS,
})  # fmt: skip
"""Signals that end a process. bubblewrap reports them as shells do, as an exit status of 128 and more."""
NOT_FOUND = 127
"""The exit status for a command that does not exist, as in a shell."""
_NOT_EXECUTED = b"bwrap: execvp "


class SandboxError(GraderError):
    """There is no working sandbox. Nothing is run without one."""

    code = "sandbox-unavailable"


class Ending(StrEnum):
    """The end of a run. `exited`: within the limits, also with a signal."""

    EXITED = "exited"
    TIMEOUT = "timeout"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"


@dataclass(frozen=True)
class Run:
    """`exit_status` is None if `signal` ended the command or a limit did. `seconds`: wall time.

    `memory_bytes`: the largest memory in use; None if the kernel does not record it.
    """

    ending: Ending
    exit_status: int | None
    signal: int | None
    stdout: bytes
    stderr: bytes
    seconds: float
    memory_bytes: int | None = None

    @property
    def succeeded(self) -> bool:
        return self.ending is Ending.EXITED and self.exit_status == 0


@dataclass(frozen=True)
class Bounds:
    """The limits that are watched from outside. None: not limited."""

    wall_seconds: float
    processor_seconds: float
    output_bytes: int | None


class StartedSandbox:
    """A bubblewrap process that waits for permission to run its command.

    `pid` is the first process of its PID namespace, as seen here: when it ends, the kernel ends all others.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", status: int, setup_seconds: float) -> None:
        self._process, self._status, self._setup_seconds = process, status, setup_seconds
        self._received = {"stdout": bytearray(), "stderr": bytearray(), "status": bytearray()}
        self.pid = int(self._first_status()["child-pid"])
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            raise SandboxError(f"bubblewrap cannot run a command{self._reason()}") from None

    def _first_status(self) -> dict[str, int]:
        with selectors.DefaultSelector() as selector:
            selector.register(self._status, selectors.EVENT_READ)
            deadline = time.monotonic() + self._setup_seconds
            while b"\n" not in self._received["status"]:
                if not selector.select(deadline - time.monotonic()) or not (data := os.read(self._status, CHUNK)):
                    raise SandboxError(f"bubblewrap does not start{self._reason()}")
                self._received["status"] += data
        return dict(json.loads(self._received["status"].split(b"\n")[0]))

    def _reason(self) -> str:
        self._process.kill()
        text = bytes(self._received["stderr"]) + (self._process.stderr.read(CHUNK) if self._process.stderr else b"")
        return f": {text.decode(errors='replace').strip()}" if text.strip() else ""

    def until_end(self, bounds: Bounds, group: Group | None) -> Run:
        """The run, with what it printed. Call `end` afterwards. Raises SandboxError if it could not be set up."""
        start = time.monotonic()
        streams = {"stdout": self._process.stdout, "stderr": self._process.stderr, "status": self._status}
        ending = collect(streams, self._received, start + bounds.wall_seconds, bounds.output_bytes)
        seconds = time.monotonic() - start
        if group and group.out_of_memory():
            ending = Ending.MEMORY_LIMIT
        status = self._exit_code()
        if status is None and self._received["stderr"].startswith(_NOT_EXECUTED):
            status = NOT_FOUND
        if ending is Ending.EXITED and status is None:
            raise SandboxError(f"bubblewrap cannot run a command{self._reason()}")
        run = finished(ending, status, self._received, seconds, bounds)
        return replace(run, memory_bytes=group.peak_bytes() if group else None)

    def _exit_code(self) -> int | None:
        for line in self._received["status"].splitlines()[1:]:
            with suppress(ValueError):
                found = json.loads(line)
                if "exit-code" in found:
                    return int(found["exit-code"])
        return None

    def end(self) -> None:
        """Kills all processes of the sandbox and waits until they have ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        with selectors.DefaultSelector() as selector:
            selector.register(self._pidfd, selectors.EVENT_READ)
            ended = selector.select(self._setup_seconds)
        os.close(self._pidfd)
        if not ended:
            raise SandboxError(f"process {self.pid} of a sandbox cannot be killed")


def collect(
    streams: Mapping[str, int | IO[bytes] | None],
    received: Mapping[str, bytearray],
    deadline: float,
    output_bytes: int | None,
    ended: tuple[int, Callable[[], None]] | None = None,
) -> Ending:
    """Reads `streams` into `received` until all are closed or a limit is passed. `deadline`: on the monotonic clock.

    `ended`: a descriptor that becomes readable when the command has ended, and what to do then.
    """
    with selectors.DefaultSelector() as selector:
        for name, stream in streams.items():
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, name)
        if ended:
            selector.register(ended[0], selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                return Ending.TIMEOUT
            for key, _ in ready:
                if ended and key.data is None:
                    selector.unregister(key.fileobj)
                    ended[1]()
                    continue
                data = os.read(key.fd, CHUNK)
                received[key.data] += data
                if not data:
                    selector.unregister(key.fileobj)
            printed = len(received["stdout"]) + len(received["stderr"])
            if output_bytes is not None and printed > output_bytes:
                return Ending.OUTPUT_LIMIT
    return Ending.EXITED


def finished(
    ending: Ending, status: int | None, received: Mapping[str, bytearray], seconds: float, bounds: Bounds
) -> Run:
    """`status`: the exit status, 128 and the number of the signal if one ended the command."""
    ended_by = status - 128 if status is not None and status - 128 in _FATAL else None
    if ending is Ending.EXITED:
        ending = _by_signal(ended_by, seconds, bounds)
    plain = ending is Ending.EXITED
    return Run(
        ending=ending,
        exit_status=status if plain and ended_by is None else None,
        signal=ended_by if plain else None,
        stdout=bytes(received["stdout"]),
        stderr=bytes(received["stderr"]),
        seconds=seconds,
    )


def _by_signal(ended_by: int | None, seconds: float, bounds: Bounds) -> Ending:
    """The kernel enforces the limits of processor time and file size with signals."""
    if ended_by == signal.SIGXCPU or (ended_by == signal.SIGKILL and seconds >= bounds.processor_seconds):
        return Ending.TIMEOUT
    return Ending.OUTPUT_LIMIT if ended_by == signal.SIGXFSZ else Ending.EXITED


@contextmanager
def started(words: list[str], stdin: int, passed: list[int]) -> Iterator["subprocess.Popen[bytes]"]:
    """The process of `words`. It is killed at the end."""
    process = subprocess.Popen(
        words, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={}, cwd="/", pass_fds=passed
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
