"""Runs a command as an unprivileged user under resource limits and a system call filter, then becomes it.

A script of its own, with only Python's standard library: `python -I -S launching.py OPTIONS WORD...`. OPTIONS is a JSON
object: `user` (a number), `limits` (name in the module `resource` -> soft and hard limit), `filter` (base64).
"""

import base64
import ctypes
import json
import os
import resource
import signal
import sys

# prctl(2)
_SET_DEATH_SIGNAL, _SET_SECCOMP, _SET_NO_NEW_PRIVILEGES, _FILTER_MODE = 1, 22, 38, 2
_INSTRUCTION_BYTES, _NOT_FOUND = 8, 127


class _Program(ctypes.Structure):
    """The kernel's `struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def main() -> None:
    options, words = json.loads(sys.argv[1]), sys.argv[2:]
    user, code = options["user"], base64.b64decode(options["filter"])
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    for name, limits in options["limits"].items():
        resource.setrlimit(getattr(resource, name), tuple(limits))
    library = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(code) // _INSTRUCTION_BYTES, code)
    for call in (
        (_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0),
        (_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0),
        (_SET_SECCOMP, _FILTER_MODE, ctypes.byref(program), 0, 0),
    ):
        if library.prctl(*call) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    # os.execvp imports a module, which the user may not be able to read.
    folders = [""] if "/" in words[0] else [f"{folder}/" for folder in os.environ["PATH"].split(":")]
    for folder in folders:
        try:
            os.execv(folder + words[0], words)
        except OSError as error:
            reason = error.strerror
    print(f"{words[0]}: {reason}", file=sys.stderr)  # noqa: T201
    os._exit(_NOT_FOUND)


if __name__ == "__main__":
    main()
