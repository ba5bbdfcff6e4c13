"""The seccomp filter of the sandbox: system calls that no student's program needs fail with EPERM.

Classic BPF for the kernel's `struct seccomp_data`, as in seccomp(2).
"""

import errno
import struct
from collections.abc import Mapping
from typing import NamedTuple


class Architecture(NamedTuple):
    """`audit`: its AUDIT_ARCH value. `calls`: numbers of system calls by name. `x32`: also has the x32 ABI."""

    audit: int
    calls: Mapping[str, int]
    x32: bool = False


# Both tables are checked against the kernel's headers by tests/serving/observing/test_seccomp.py.
_SHARED = {
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "clone3": 435, "pidfd_getfd": 438,
    "process_madvise": 440, "mount_setattr": 442, "memfd_secret": 447,
}  # fmt: skip
ARCHITECTURES = {
    "x86_64": Architecture(
        0xC000003E,
        {
            "clone": 56, "socket": 41, "ioctl": 16,
            "ptrace": 101, "syslog": 103, "personality": 135, "pivot_root": 155, "adjtimex": 159, "chroot": 161,
            "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168,
            "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173, "init_module": 175,
            "delete_module": 176, "quotactl": 179, "lookup_dcookie": 212, "clock_settime": 227, "mbind": 237,
            "set_mempolicy": 238, "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250,
            "migrate_pages": 256, "unshare": 272, "move_pages": 279, "perf_event_open": 298, "fanotify_init": 300,
            "name_to_handle_at": 303, "open_by_handle_at": 304, "clock_adjtime": 305, "setns": 308,
            "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313,
            "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323, **_SHARED,
        },
        x32=True,
    ),
    "aarch64": Architecture(
        0xC00000B7,
        {
            "clone": 220, "socket": 198, "ioctl": 29,
            "lookup_dcookie": 18, "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51, "quotactl": 60,
            "acct": 89, "personality": 92, "unshare": 97, "kexec_load": 104, "init_module": 105, "delete_module": 106,
            "clock_settime": 112, "syslog": 116, "ptrace": 117, "reboot": 142, "sethostname": 161,
            "setdomainname": 162, "settimeofday": 170, "adjtimex": 171, "add_key": 217, "request_key": 218,
            "keyctl": 219, "swapon": 224, "swapoff": 225, "mbind": 235, "set_mempolicy": 237, "migrate_pages": 238,
            "move_pages": 239, "perf_event_open": 241, "fanotify_init": 262, "name_to_handle_at": 264,
            "open_by_handle_at": 265, "clock_adjtime": 266, "setns": 268, "process_vm_readv": 270,
            "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "bpf": 280, "userfaultfd": 282,
            "kexec_file_load": 294, **_SHARED,
        },
    ),
}  # fmt: skip

_OBJECTS = {
    "x86_64": {"shmget": 29, "semget": 64, "msgget": 68, "mq_open": 240},
    "aarch64": {"shmget": 194, "semget": 190, "msgget": 186, "mq_open": 180},
}
"""Create what outlives a process; bubblewrap has an IPC namespace for them."""
_CONDITIONAL = ("clone", "clone3", "socket", "ioctl")
_NEW_NAMESPACES = 0x7E020080  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET and NEWTIME
_DOMAINS = (1, 2, 10)  # AF_UNIX, AF_INET and AF_INET6; AF_VSOCK would reach the host of a virtual machine
_LOCAL = _DOMAINS[:1]
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI and TIOCLINUX write into the terminal

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24  # low halves: both machines are little-endian
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000


def filter_program(machine: str, *, namespaces: bool = True) -> bytes:
    """The filter for `bwrap --seccomp`. Raises KeyError for a machine without a table.

    `namespaces`: whether the program has its own for network and IPC; else the filter refuses both.
    """
    arch = ARCHITECTURES[machine]
    program = [
        (_LOAD, 0, 0, _ARCH),
        (_JUMP_EQUAL, 1, 0, arch.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if arch.x32:
        program += [(_JUMP_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]
    for name, number in arch.calls.items():
        if name not in _CONDITIONAL:
            program += [(_JUMP_EQUAL, 0, 1, number), _refuse(errno.EPERM)]
    for number in () if namespaces else _OBJECTS[machine].values():
        program += [(_JUMP_EQUAL, 0, 1, number), _refuse(errno.EPERM)]
    # glibc calls clone instead where there is no clone3, whose flags a filter cannot read.
    program += [(_JUMP_EQUAL, 0, 1, arch.calls["clone3"]), _refuse(errno.ENOSYS)]
    program += _call(arch.calls["clone"], _FIRST_ARGUMENT, [(_JUMP_SET, 0, 1, _NEW_NAMESPACES), _refuse(errno.EPERM)])
    domains = _DOMAINS if namespaces else _LOCAL
    known = [(_JUMP_EQUAL, len(domains) - n, 0, domain) for n, domain in enumerate(domains)]
    program += _call(arch.calls["socket"], _FIRST_ARGUMENT, [*known, _refuse(errno.EAFNOSUPPORT)])
    inputs = [part for each in _TERMINAL_INPUT for part in ((_JUMP_EQUAL, 0, 1, each), _refuse(errno.EPERM))]
    program += _call(arch.calls["ioctl"], _SECOND_ARGUMENT, inputs)
    program.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in program)


def _refuse(error: int) -> tuple[int, int, int, int]:
    return (_RETURN, 0, 0, _ERROR | error)


def _call(number: int, argument: int, rules: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """`rules` on one argument of one system call, which is allowed if they refuse nothing."""
    return [
        (_JUMP_EQUAL, 0, len(rules) + 2, number),
        (_LOAD, 0, 0, argument),
        *rules,
        (_RETURN, 0, 0, _ALLOW),
    ]
