"""The filter has the kernel's system call numbers, and its jumps have the right targets."""

import errno
import re
import struct
from pathlib import Path

import pytest

from serving.observing.isolation.seccomp import ARCHITECTURES, filter_program

HEADERS = {
    "x86_64": [Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm/unistd_64.h")],
    "aarch64": [Path("/usr/include/asm-generic/unistd.h")],
}
ALLOW, KILL = 0x7FFF0000, 0x80000000


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_numbers_are_those_of_the_kernel_headers(machine: str) -> None:
    header = next((path for path in HEADERS[machine] if path.exists()), None)
    if header is None:
        pytest.skip("the kernel's headers are not installed")
    numbers = dict(re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text(), re.M))
    calls = ARCHITECTURES[machine].calls
    assert {name: int(numbers[name]) for name in calls if name in numbers} == {
        name: number for name, number in calls.items() if name in numbers
    }
    assert len(numbers.keys() & calls.keys()) > 40


def result(machine: str, call: int, *arguments: int, arch: int | None = None) -> int:
    """Runs the filter on a system call, as the kernel does."""
    audit = ARCHITECTURES[machine].audit if arch is None else arch
    data = struct.pack("<IIQ6Q", call, audit, 0, *(*arguments, *[0] * 6)[:6])
    program = [struct.unpack("<HBBI", code) for code in re.findall(b"(?s).{8}", filter_program(machine))]
    accumulator, at = 0, 0
    while True:
        code, yes, no, value = program[at]
        at += 1
        if code == 0x20:
            accumulator = struct.unpack_from("<I", data, value)[0]
        elif code == 0x06:
            return int(value)
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            at += yes if holds else no


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_calls_are_refused_or_allowed(machine: str) -> None:
    calls = ARCHITECTURES[machine].calls
    refused = 0x00050000
    for name in ("ptrace", "mount", "bpf", "unshare", "keyctl", "userfaultfd", "setns", "process_vm_readv"):
        assert result(machine, calls[name]) == refused | errno.EPERM, name
    assert result(machine, calls["clone3"]) == refused | errno.ENOSYS
    assert result(machine, calls["clone"], 0x11) == ALLOW  # fork
    for flag in (0x80, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert result(machine, calls["clone"], flag | 0x11) == refused | errno.EPERM, hex(flag)
    for domain, allowed in {1: True, 2: True, 10: True, 16: False, 17: False, 38: False, 40: False}.items():
        assert (result(machine, calls["socket"], domain) == ALLOW) is allowed, domain
    assert result(machine, calls["ioctl"], 0, 0x5412) == refused | errno.EPERM
    assert result(machine, calls["ioctl"], 0, 0x5401) == ALLOW
    assert result(machine, 0) == ALLOW
    assert result(machine, calls["mount"], arch=0x40000003) == KILL
    if ARCHITECTURES[machine].x32:
        assert result(machine, 0x40000000 | calls["mount"]) == KILL
