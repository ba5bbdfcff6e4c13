"""Memory and process limits of a sandbox as a control group, where this process may create one (version 1 or 2)."""

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


class Cgroups:
    """Folders in which groups are created: one with memory, and one with processes (the same in version 2)."""

    def __init__(self, folders: tuple[Path, ...], files: _Version) -> None:
        self._folders, self._files = folders, files

    @contextmanager
    def group(self, memory_bytes: int, processes: int) -> Iterator["Group"]:
        """A group that is deleted at the end, after all its processes have ended."""
        name = f"{PREFIX}{os.getpid()}-{next(_numbers)}"
        own = [folder / name for folder in self._folders]
        try:
            for folder in own:
                folder.mkdir()
            (own[0] / self._files.memory).write_text(str(memory_bytes))
            with suppress(OSError):  # no accounting of swap
                (own[0] / self._files.swap).write_text(str(memory_bytes if self._files is _V1 else 0))
            (own[-1] / "pids.max").write_text(str(processes))
            yield Group(tuple(own), self._files)
        finally:
            for folder in own:
                _remove(folder)


class Group:
    """A control group of one run."""

    def __init__(self, folders: tuple[Path, ...], files: _Version) -> None:
        self._folders, self._files = folders, files

    def add(self, pid: int) -> None:
        for folder in self._folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def peak_bytes(self) -> int | None:
        """The largest memory in use; None where the kernel does not record it."""
        try:
            return int((self._folders[0] / self._files.peak).read_text())
        except (OSError, ValueError):
            return None

    def out_of_memory(self) -> bool:
        """Whether the kernel killed a process because of the limit."""
        events = (self._folders[0] / self._files.events).read_text().splitlines()
        return any(int(line.split()[1]) > 0 for line in events if line.startswith("oom_kill "))


def find_cgroups() -> Cgroups | None:
    """The folders of this process in which groups can be created; None if there are none."""
    paths = {}
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            paths.update({each: path.lstrip("/") for each in controllers.split(",")})
    if "memory" in paths and "pids" in paths:
        first = tuple(_writable(ROOT / name, paths[name], file) for name, file in _V1_PROBES)
        if all(first):
            return Cgroups(tuple(each for each in first if each), _V1)
    both = _writable(ROOT, paths.get("", ""), _V2.memory)
    return Cgroups((both,), _V2) if both and _has(both, "pids.max") else None


_V1_PROBES = (("memory", _V1.memory), ("pids", "pids.max"))


def _writable(root: Path, path: str, file: str) -> Path | None:
    """The folder of this process or the one above it in which a new group has `file`."""
    own = root / path
    return next((each for each in (own, own.parent) if each.is_relative_to(root) and _has(each, file)), None)


def _has(folder: Path, file: str) -> bool:
    _remove_abandoned(folder)
    probe = folder / f"{PREFIX}{os.getpid()}-probe-{next(_numbers)}"
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
