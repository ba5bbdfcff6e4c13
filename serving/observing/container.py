"""Runs checks in a container that a course platform made for one submission, where bubblewrap is not available.

The platform isolates submissions from each other. This module hides the course's files, the results and
the key from the student's program: the program runs as a user without rights, while root runs the checks. It has no
network and no System V IPC, so that neither an input nor a result leaves its run. Unlike in `sandbox`, it sees the
container's public files and the names of its processes, and memory is limited for each process.

Run in the container: python -m serving.observing.container CHECKS SUBMISSION OUT
"""

import base64
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from labs_schema.checks.models import Checks
from labs_schema.errors import GraderError
from labs_schema.limits import SandboxLimits
from labs_schema.submissions.adhoc_submission import read_adhoc_submission
from serving.observing.isolation import launching
from serving.observing.isolation.probe import working_sandbox
from serving.observing.isolation.sandbox import ENVIRONMENT, Command, RunsCommands, bounds_of
from serving.observing.isolation.seccomp import filter_program
from serving.observing.isolation.watching import Run, SandboxError, collect, finished
from serving.observing.observer import Observer
from serving.observing.tool_versions import tool_versions
from serving.observing.toolchains import find_toolchain
from serving.observing.validating import build_validator

USER = 60_599
"""Outside all ranges that Linux distributions assign."""
WRITABLE = ("/tmp", "/var/tmp", "/dev/shm", "/run/lock")
_MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_SHARE = 0.75
"""The share of the container's memory that one process may use."""


class ContainerSandbox:
    """Runs one command at a time. Raises SandboxError unless this process is root."""

    def __init__(self, hidden: Sequence[Path], limits: SandboxLimits | None = None) -> None:
        """`hidden`: folders that only root may enter from now on."""
        if os.geteuid() != 0:
            raise SandboxError("the platform's container does not run as root, so programs cannot be isolated")
        for folder in hidden:
            folder.chmod(0o700)
        self._limits = limits or SandboxLimits()
        self._filter = base64.b64encode(filter_program(platform.machine(), namespaces=False)).decode()
        self._memory = _container_bytes()
        self._remove_left()

    def run(self, command: Command) -> Run:
        """Raises SandboxError if a process of the command cannot be ended."""
        work = Path(tempfile.mkdtemp(prefix="grader-run-", dir="/var/tmp"))
        try:
            os.chown(work, USER, USER)
            for path, content in command.files.items():
                _write(work, path, content)
            return self._watched(command, work)
        finally:
            self._end_all()
            self._remove_left()

    def _watched(self, command: Command, work: Path) -> Run:
        words = self._launcher(command.words, self._resource_limits(command))
        bounds, received = bounds_of(command, self._limits), {"stdout": bytearray(), "stderr": bytearray()}
        environment = {**ENVIRONMENT, "HOME": str(work)}
        with (
            _input(command.stdin) as stdin,
            subprocess.Popen(
                words,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                cwd=work,
                start_new_session=True,
            ) as process,
        ):
            start, ended = time.monotonic(), os.pidfd_open(process.pid)
            try:
                streams = {"stdout": process.stdout, "stderr": process.stderr}
                deadline = start + bounds.wall_seconds
                ending = collect(streams, received, deadline, bounds.output_bytes, (ended, self._end_all))
                seconds = time.monotonic() - start
            finally:
                os.close(ended)
                self._end_all()
            status = process.wait()
        return finished(ending, 128 - status if status < 0 else status, received, seconds, bounds)

    def _launcher(self, words: Sequence[str], limits: Mapping[str, tuple[int, int]]) -> list[str]:
        options = json.dumps({"user": USER, "limits": limits, "filter": self._filter})
        return [sys.executable, "-I", "-S", launching.__file__, options, *words]

    def _resource_limits(self, command: Command) -> dict[str, tuple[int, int]]:
        limits, seconds = self._limits, int(-(-command.seconds // 1))
        memory = min(command.memory_bytes, self._memory) if self._memory else command.memory_bytes
        single = {
            "RLIMIT_CORE": 1,  # not 0, which the kernel ignores for a dump that it pipes: core(5)
            "RLIMIT_STACK": limits.stack_bytes,
            "RLIMIT_NPROC": limits.processes,
            "RLIMIT_NOFILE": limits.open_files,
            "RLIMIT_FSIZE": limits.disk_bytes,
            "RLIMIT_DATA": memory,
        }
        return {"RLIMIT_CPU": (seconds, seconds + 1), **{name: (each, each) for name, each in single.items()}}

    def _end_all(self) -> None:
        """Kills every process of the user; one signal reaches all of them, so that none can fork away."""
        for _ in range(50):
            if not _processes():
                return
            kill = self._launcher(["/bin/sh", "-c", "kill -9 -1"], {})
            subprocess.run(kill, env=ENVIRONMENT, cwd="/", check=False, capture_output=True)
        raise SandboxError("processes of a program cannot be ended")

    def _remove_left(self) -> None:
        """Deletes the files of a run, so that the next one does not see them."""
        for folder in map(Path, WRITABLE):
            for path in [*folder.iterdir()] if folder.is_dir() else []:
                with suppress(OSError):
                    if path.lstat().st_uid == USER:
                        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _write(work: Path, path: str, content: bytes) -> None:
    file = work / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    file.chmod(0o755)
    for each in (file, *file.relative_to(work).parents):
        os.chown(work / each, USER, USER)


def _input(content: bytes) -> BinaryIO:
    """`content` as a file without a name."""
    file = os.fdopen(os.memfd_create("stdin"), "w+b")
    file.write(content)
    file.seek(0)
    return file


def _processes() -> list[int]:
    """Running processes of the user."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if path.stat().st_uid == USER and (path / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                found.append(int(path.name))
    return found


def _container_bytes() -> int | None:
    for path in _MEMORY_LIMITS:
        with suppress(OSError, ValueError):
            return int(int(Path(path).read_text()) * _SHARE)
    return None


def best_sandbox(hidden: Sequence[Path]) -> tuple[RunsCommands, str]:
    """bubblewrap where it works, and its name. Raises SandboxError if there is no isolation at all."""
    try:
        return working_sandbox(), "bubblewrap"
    except SandboxError:
        return ContainerSandbox(hidden), "unprivileged user, seccomp, no network"


def main() -> None:
    """Writes the body's `observations`, or `{"failure": reason}`."""
    checks_file, submission_folder, out = map(Path, sys.argv[1:])
    document = json.loads(checks_file.read_text("utf-8"))
    try:
        checks = Checks.model_validate(document["checks"])
        submission, _ = read_adhoc_submission([submission_folder], document["language"])
        sandbox, isolation = best_sandbox([checks_file.parent, submission_folder, out.parent])
        toolchain = find_toolchain(checks.build.language or document["language"])
        validator = build_validator(checks.validator, sandbox) if checks.validator else None
        tools = {**tool_versions(toolchain, sandbox, checks, validator), "isolation": isolation}
        observed = Observer(checks, toolchain, sandbox, tools, validator).observe(submission)
        measured = {"results": {"__all__": {"seconds", "memory_bytes"}}}  # else no rerun would have the same request
        found = observed.model_dump(mode="json", exclude_defaults=True, exclude=measured | {"submission": True})
        found = {name: found[name] for name in ("tools", "results")} | {"source": document["platform"]}
    except GraderError as error:
        found = {"failure": f"{error.code}: {error}"}
    out.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
