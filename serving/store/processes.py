"""Which process this is, and whether another one of this machine has ended. Knows no store.

By what Linux tells under /proc; elsewhere nothing is known of any process, and so none is said to have ended.
"""

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

PROC = Path("/proc")
ENDED = "ZX"
"""States of a process that does nothing more, though its parent has not looked yet."""


def this_process() -> str:
    """Names no other process, on whatever machine; "" where that cannot be known."""
    return _named(os.getpid())


def has_ended(process: str) -> bool:
    """Whether `process`, as it named itself, is known to have ended: one of another machine or container never is."""
    space, _, rest = process.rpartition("/")
    pid, _, started = rest.partition("@")
    if not process or space != _space():
        return False
    return _started(int(pid)) != started


@cache
def _named(pid: int) -> str:
    space, started = _space(), _started(pid)
    return f"{space}/{pid}@{started}" if space and started else ""


@cache
def _space() -> str:
    """Within which process ids name one process: this start of the machine, this container."""
    with suppress(OSError):
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(PROC / 'self/ns/pid').readlink()}"
    return ""


def _started(pid: int) -> str:
    """When it began, in ticks since the machine did; "" where there is no such process, or it has ended."""
    with suppress(OSError):
        state, *fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return "" if state in ENDED else fields[18]
    return ""
