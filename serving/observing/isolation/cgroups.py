"""The memory limit of all processes of a sandbox together, as a control group, where this process may create one.

Processes are counted by a resource limit as well. A second group for them, as version 1 would need, costs 2 ms a run.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

ROOT = Path("/sys/fs/cgroup")
PREFIX = "grader-sandbox-"
_numbers = count()


class _Version(NamedTuple):
    """Names of the files of a version of the kernel interface."""

    memory: str
    swap: str
    peak: str
    events: str


_V1 = _Version(
    "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control"
)
_V2 = _Version("memory.max", "memory.swap.max", "memory.peak", "memory.events")


class Group:
    """The control group of one run."""

    def __init__(self, folder: Path, files: _Version, home: Path) -> None:
        self._folder, self._files, self._home = folder, files, home

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Version 1: processes that this thread starts in the context are in the group. Moving one later takes 8 ms."""
        if self._files is _V2:
            yield
            return
        (self._folder / "tasks").write_text("0")
        try:
            yield
        finally:
            (self._home / "tasks").write_text("0")

    def add(self, pid: int) -> None:
        """Version 2: moves a process that was started."""
        if self._files is _V2:
            (self._folder / "cgroup.procs").write_text(str(pid))

    def peak_bytes(self) -> int | None:
        """The largest memory in use; None where the kernel does not record it."""
        try:
            return int((self._folder / self._files.peak).read_text())
        except (OSError, ValueError):
            return None

    def out_of_memory(self) -> bool:
        """Whether the kernel killed a process because of the limit."""
        events = (self._folder / self._files.events).read_text().splitlines()
        return any(int(line.split()[1]) > 0 for line in events if line.startswith("oom_kill "))


class Cgroups:
    """The folder in which groups are created, and the one of this process."""

    def __init__(self, folder: Path, files: _Version, home: Path) -> None:
        self._folder, self._files, self._home = folder, files, home

    @contextmanager
    def group(self, memory_bytes: int) -> Iterator[Group]:
        """A group that is deleted at the end, after all its processes have ended."""
        own = self._folder / f"{PREFIX}{os.getpid()}-{next(_numbers)}"
        own.mkdir()
        try:
            (own / self._files.memory).write_text(str(memory_bytes))
            with suppress(OSError):  # no accounting of swap
                (own / self._files.swap).write_text(str(memory_bytes if self._files is _V1 else 0))
            yield Group(own, self._files, self._home)
        finally:
            _remove(own)


def find_cgroups() -> Cgroups | None:
    """The folder of this process, or the one above it, in which groups can be created; None if there is none."""
    paths: dict[str, str] = {}
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            paths.update({each: path.lstrip("/") for each in controllers.split(",")})
    for files, root, controller in ((_V1, ROOT / "memory", "memory"), (_V2, ROOT, "")):
        own = root / paths.get(controller, "")
        for folder in (own, own.parent):
            if controller in paths and folder.is_relative_to(root) and _has(folder, files.memory):
                return Cgroups(folder, files, own)
    return None


def _has(folder: Path, file: str) -> bool:
    """Whether a new group in `folder` has `file`."""
    _remove_abandoned(folder)
    probe = folder / f"{PREFIX}{os.getpid()}-{next(_numbers)}"
    try:
        probe.mkdir()
        return os.access(probe / file, os.W_OK)
    except OSError:
        return False
    finally:
        _remove(probe)


def _remove_abandoned(folder: Path) -> None:
    """Groups of processes that were killed."""
    with suppress(OSError):
        for each in folder.glob(f"{PREFIX}*"):
            if not Path("/proc", each.name.removeprefix(PREFIX).split("-")[0]).exists():
                _remove(each)


def _remove(folder: Path) -> None:
    for _ in range(50):
        try:
            return folder.rmdir()
        except FileNotFoundError:
            return None
        except OSError:  # an ended process leaves its group a little later
            time.sleep(0.005)
    return None
