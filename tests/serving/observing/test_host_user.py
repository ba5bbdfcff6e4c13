"""A thread becomes a user without rights, starts a process, and becomes root again."""

import ctypes
import os
import re
import subprocess
import threading
from pathlib import Path

import pytest

from serving.observing.isolation.host_user import CALLS, FIRST_USER, as_user
from tests.serving.observing.test_seccomp import HEADERS

root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.mark.parametrize("machine", CALLS)
def test_numbers_are_those_of_the_kernel_headers(machine: str) -> None:
    header = next((path for path in HEADERS[machine] if path.exists()), None)
    if header is None:
        pytest.skip("the kernel's headers are not installed")
    numbers = dict(re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text(), re.M))
    assert {name: int(numbers[name]) for name in CALLS[machine]._fields} == CALLS[machine]._asdict()


def credentials(status: str | None = None) -> dict[str, str]:
    """The fields of a status file, by default that of this thread."""
    lines = (Path("/proc/thread-self/status").read_text() if status is None else status).splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@root
def test_only_this_thread_changes_its_user_and_gets_it_back() -> None:
    before, inside, done = credentials(), threading.Event(), threading.Event()
    others: list[str] = []

    def look() -> None:
        inside.wait()
        others.append(credentials()["Uid"])
        done.set()

    other = threading.Thread(target=look)
    other.start()
    with pytest.raises(ValueError, match="of the caller"), as_user(FIRST_USER):
        inside.set()
        done.wait()
        # The saved user, the third number, is what the thread returns with.
        assert credentials()["Uid"].split() == [str(FIRST_USER), str(FIRST_USER), "0", str(FIRST_USER)]
        started = subprocess.run(["/bin/cat", "/proc/self/status"], capture_output=True, text=True, check=True).stdout
        raise ValueError("of the caller")
    other.join()
    assert others == [before["Uid"]] and credentials()["Uid"] == before["Uid"]
    assert ctypes.CDLL(None).prctl(3) == 1, "the process is still dumpable, as PR_GET_DUMPABLE returns"
    assert credentials()["CapEff"] == before["CapEff"] and credentials()["Groups"] == before["Groups"]
    child = credentials(started)
    assert child["Uid"].split() == child["Gid"].split() == [str(FIRST_USER)] * 4
    assert child["Groups"] == "" and int(child["CapPrm"], 16) == int(child["CapEff"], 16) == 0
