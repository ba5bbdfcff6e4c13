"""The user of the host that a sandboxed run has: one without any rights, which a single thread of ours can become.

Linux keeps users per thread. `os.setresuid` changes those of all threads of the process, so the system calls are made
directly. Other programs that change the user, such as setpriv, take another millisecond for each run.
"""

import ctypes
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

FIRST_USER = 60_600
"""User ids from 60578 to 61183 are in no range that Linux distributions assign."""
USERS = 500
_ROOT = 0
_numbers = count()


class _Calls(NamedTuple):
    """Numbers of system calls. They are checked against the kernel's headers by a test."""

    setgroups: int
    setresuid: int
    setresgid: int


CALLS = {"x86_64": _Calls(116, 117, 119), "aarch64": _Calls(159, 147, 149)}
_library = ctypes.CDLL(None, use_errno=True)
_GET_DUMPABLE, _SET_DUMPABLE = 3, 4  # prctl(2)
_dumpable = _library.prctl(_GET_DUMPABLE)


def next_user() -> int:
    """Each run has another user, as the kernel counts processes by user."""
    return FIRST_USER + next(_numbers) % USERS


@contextmanager
def as_user(user: int) -> Iterator[None]:
    """While inside, this thread and the processes that it starts have only `user`, as user and group. For root only.

    The thread's saved user stays root, so that it can return; a process that it starts loses it when it executes a
    program, as in credentials(7). Raises OSError.
    """
    groups = os.getgroups()
    try:
        _become(user, ())
        yield
    finally:
        _become(_ROOT, groups)
        # The kernel clears this attribute of the process when a thread changes its user. Without it, other processes of
        # ours could not share memory with this one.
        _library.prctl(_SET_DUMPABLE, _dumpable, 0, 0, 0)


def _become(user: int, groups: Sequence[int]) -> None:
    calls = CALLS[platform.machine()]
    array = (ctypes.c_uint32 * len(groups))(*groups)
    to_groups = (calls.setgroups, len(groups), ctypes.addressof(array))
    to_group, to_user = ((call, user, user, _ROOT) for call in (calls.setresgid, calls.setresuid))
    for call in (to_groups, to_group, to_user) if user != _ROOT else (to_user, to_group, to_groups):
        if _library.syscall(*map(ctypes.c_long, call)) != 0:
            raise OSError(ctypes.get_errno(), f"the user of a thread cannot be changed to {user}")
