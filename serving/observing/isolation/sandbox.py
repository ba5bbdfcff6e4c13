"""Runs one command in a sandbox of bubblewrap, and reports how it ended.

The command sees a read-only toolchain, an empty working folder in memory and the files of its run, and nothing else.
Everything it needs is passed in memory: nothing of it is ever on the host's disk.
"""

import io
import math
import os
import platform
import resource
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Protocol

from labs_schema.limits import SandboxLimits
from serving.observing.isolation.cgroups import Cgroups, Group, find_cgroups
from serving.observing.isolation.host_user import as_user, next_user
from serving.observing.isolation.seccomp import ARCHITECTURES, filter_program
from serving.observing.isolation.toolchain_files import SEARCH_PATH, toolchain_arguments
from serving.observing.isolation.watching import Bounds, Run, SandboxError, StartedSandbox, started

WORK = "/work"
"""The working folder inside of the sandbox."""
NOBODY = 65534
MOST_FILES = 50
"""More files are passed as one archive, as each takes a descriptor."""
_ARCHIVE = ".files.tar"
_UNPACK = f'tar -xf {_ARCHIVE} && rm {_ARCHIVE} && exec "$@"'
ENVIRONMENT = {"PATH": SEARCH_PATH, "HOME": WORK, "TMPDIR": "/tmp", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True)
class Protections:
    """The protections of the sandbox. Only tests switch one off, to see that another test then fails."""

    network: bool = True
    toolchain_only: bool = True
    read_only: bool = True
    namespaces: bool = True
    own_processes: bool = True
    own_user: bool = True
    seccomp: bool = True
    capabilities: bool = True
    session: bool = True
    memory: bool = True
    processes: bool = True
    processor_time: bool = True
    wall_time: bool = True
    output: bool = True
    disk: bool = True
    open_files: bool = True
    file_size: bool = True
    cleanup: bool = True


ALL_PROTECTIONS = Protections()


@dataclass(frozen=True)
class Command:
    """A command and all that it may read: `stdin` and `files` (path below the working folder -> content).

    `seconds` limits the processor time. `memory_bytes` limits all its processes and its files together.
    """

    words: Sequence[str]
    seconds: float
    memory_bytes: int
    stdin: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    output_bytes: int = SandboxLimits().output_bytes


class RunsCommands(Protocol):
    def run(self, command: Command) -> Run:
        """Raises SandboxError if the command could not be isolated."""
        ...


class Sandbox:
    """Use one for many runs, also from several threads. Raises SandboxError where there is no bubblewrap."""

    def __init__(self, limits: SandboxLimits | None = None, protections: Protections = ALL_PROTECTIONS) -> None:
        program = shutil.which("bwrap")
        if program is None:
            raise SandboxError("bubblewrap is not installed. As root: apt-get install bubblewrap")
        if platform.machine() not in ARCHITECTURES:
            raise SandboxError(f"no system call filter for {platform.machine()}; use a machine with x86_64 or aarch64")
        self._limits, self._on = limits or SandboxLimits(), protections
        self._filter = filter_program(platform.machine())
        self._cgroups: Cgroups | None = find_cgroups() if protections.memory else None
        self._start = (program, *_bwrap_arguments(self._limits, protections))

    @property
    def limits_all_processes(self) -> bool:
        """Whether memory is limited for all processes of a run together, not for each."""
        return self._cgroups is not None

    def run(self, command: Command) -> Run:
        """Raises SandboxError if the sandbox could not be set up."""
        with ExitStack() as stack:
            fds = _Descriptors(stack)
            stdin = fds.memory(command.stdin, passed=False)
            if len(command.files) > MOST_FILES:
                command = _packed(command)
            words = [*self._start, *self._file_arguments(command.files, fds)]
            if self._on.seccomp:
                words += ["--seccomp", str(fds.memory(self._filter))]
            allowed, allow = fds.pipe()
            status, report = fds.pipe()
            words += ["--block-fd", str(allowed), "--json-status-fd", str(report), "--", *command.words]
            group = stack.enter_context(self._cgroups.group(command.memory_bytes)) if self._cgroups else None
            user = next_user()
            with group.entered() if group else nullcontext(), self._as(user):
                process = stack.enter_context(started(words, stdin, [*fds.passed, allowed, report]))
            fds.close(allowed, report)
            sandbox = StartedSandbox(process, status, self._limits.setup_seconds)
            if self._on.cleanup:
                stack.callback(sandbox.end)
            with suppress(ProcessLookupError, BrokenPipeError):  # it has failed, as `until_end` reports
                self._limit(sandbox.pid, command, group, user)
                os.write(allow, b"x")
            return sandbox.until_end(self._bounds(command), group)

    def _limit(self, pid: int, command: Command, group: Group | None, user: int) -> None:
        """Sets the limits of a process that waits, which those that it starts inherit. Raises SandboxError.

        The kernel lets a process set the limits of another one of the same user; root would need CAP_SYS_RESOURCE.
        """
        try:
            if group:
                group.add(pid)
            with self._as(user):
                for limit, values in self._resource_limits(command):
                    resource.prlimit(pid, limit, values)
        except PermissionError as error:
            raise SandboxError(f"limits of resources cannot be set: {error}") from None

    def _file_arguments(self, files: Mapping[str, bytes], fds: "_Descriptors") -> Iterator[str]:
        folders = {str(parent) for path in files for parent in PurePosixPath(path).parents if str(parent) != "."}
        for folder in sorted(folders):
            yield from ("--dir", f"{WORK}/{folder}")
        for path, content in files.items():
            yield from ("--perms", "0755", "--file", str(fds.memory(content)), f"{WORK}/{path}")
        if self._on.read_only:
            yield from ("--remount-ro", "/")

    def _resource_limits(self, command: Command) -> Iterator[tuple[int, tuple[int, int]]]:
        """Limits of each process: the soft and the hard one."""
        seconds, limits, on = math.ceil(command.seconds), self._limits, self._on
        if on.processor_time:
            yield resource.RLIMIT_CPU, (seconds, seconds + 1)  # a program may ignore the first signal, not the second
        # Not 0, which the kernel ignores where it pipes core dumps to a program of the host: see core(5).
        single = {resource.RLIMIT_CORE: 1, resource.RLIMIT_STACK: limits.stack_bytes}
        if on.processes:
            single[resource.RLIMIT_NPROC] = limits.processes
        if on.open_files:
            single[resource.RLIMIT_NOFILE] = limits.open_files
        if on.file_size:
            single[resource.RLIMIT_FSIZE] = limits.disk_bytes
        if on.memory and self._cgroups is None:
            single[resource.RLIMIT_DATA] = command.memory_bytes
        yield from ((limit, (value, value)) for limit, value in single.items())

    def _bounds(self, command: Command) -> Bounds:
        bounds = bounds_of(command, self._limits)
        wall = bounds.wall_seconds if self._on.wall_time else self._limits.setup_seconds
        return replace(bounds, wall_seconds=wall, output_bytes=bounds.output_bytes if self._on.output else None)

    def _as(self, user: int) -> AbstractContextManager[None]:
        """If this process is root, the thread is a user without any rights inside the context."""
        return as_user(user) if self._on.own_user and os.geteuid() == 0 else nullcontext()


def bounds_of(command: Command, limits: SandboxLimits) -> Bounds:
    wall = command.seconds * limits.wall_factor + limits.wall_extra_seconds
    return Bounds(wall, command.seconds, command.output_bytes)


def _packed(command: Command) -> Command:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in command.files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    words = ("/bin/sh", "-c", _UNPACK, "sh", *command.words)
    return replace(command, words=words, files={_ARCHIVE: packed.getvalue()})


def _bwrap_arguments(limits: SandboxLimits, on: Protections) -> Iterator[str]:
    yield from ("--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY))
    if on.namespaces:
        yield from ("--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox")
    if on.own_processes:
        yield "--unshare-pid"
    if on.cleanup:
        yield "--die-with-parent"
    if on.network:
        yield "--unshare-net"
    if on.session:
        yield "--new-session"
    yield from ("--cap-drop" if on.capabilities else "--cap-add", "ALL")
    if on.toolchain_only:
        yield from toolchain_arguments()
    else:
        yield from ("--ro-bind", "/", "/")
    yield from ("--proc", "/proc") if on.own_processes else ("--ro-bind", "/proc", "/proc")
    yield from ("--tmpfs", "/dev")
    for name in ("null", "zero", "full", "random", "urandom"):
        yield from ("--dev-bind", f"/dev/{name}", f"/dev/{name}")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        yield from ("--symlink", f"/proc/self/fd{target}", f"/dev/{name}")
    yield from ("--symlink", "/tmp", "/dev/shm")
    if on.read_only:
        yield from ("--remount-ro", "/dev")
    size = ("--size", str(limits.disk_bytes)) if on.disk else ()
    yield from (*size, "--perms", "1777", "--tmpfs", "/tmp", *size, "--perms", "0755", "--tmpfs", WORK)
    for name, value in ENVIRONMENT.items():
        yield from ("--setenv", name, value)
    yield from ("--chdir", WORK)


class _Descriptors:
    """Files in memory and pipes of one run, closed at its end. `passed`: those that the sandbox inherits."""

    def __init__(self, stack: ExitStack) -> None:
        self._open: set[int] = set()
        self.passed: list[int] = []
        stack.callback(lambda: self.close(*self._open))

    def memory(self, content: bytes, *, passed: bool = True) -> int:
        """A file with `content`, open for reading at its start."""
        descriptor = os.memfd_create("file")
        try:
            with memoryview(content) as rest:
                done = 0
                while done < len(rest):
                    done += os.write(descriptor, rest[done:])
            reading = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            os.close(descriptor)
        self._open.add(reading)
        self.passed += [reading] if passed else []
        return reading

    def pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self._open.update(ends)
        return ends

    def close(self, *descriptors: int) -> None:
        for each in descriptors:
            self._open.discard(each)
            os.close(each)
