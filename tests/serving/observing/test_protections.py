"""For each protection of the sandbox, a program that does harm if only this one is switched off."""

import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import NamedTuple

import pytest

from labs_schema.limits import SandboxLimits
from serving.observing.isolation.cgroups import PREFIX, ROOT
from serving.observing.isolation.probe import working_sandbox
from serving.observing.isolation.sandbox import ALL_PROTECTIONS, Command, Protections, Sandbox
from serving.observing.isolation.watching import Ending, Run, SandboxError
from tests.harness.errors import raises_code

MIB = 1_048_576
PATIENT = SandboxLimits(wall_factor=20.0)
"""More wall-clock time: the machine may be busy."""
SURVIVOR = f"grader-survivor-{os.getpid()}-"
"""Of this process: another one may run these tests at the same time, and ends its own survivors."""


class Harm(NamedTuple):
    """`code`: Python that prints `harm` if it succeeds. `done`: whether a run did harm, where that is not printed."""

    code: str
    done: Callable[[Run], bool] = lambda run: b"harm" in run.stdout
    seconds: float = 2.0
    memory_mib: int = 128
    limits: SandboxLimits = PATIENT


HARMS = {
    "network": Harm("import socket; socket.create_connection(('127.0.0.1', @PORT@), 2); print('harm')"),
    "toolchain_only": Harm("print(open('@SECRET@').read())"),
    "read_only": Harm("open('/harm', 'w'); print('harm')"),
    "namespaces": Harm("import socket; print('harm' if socket.gethostname() == '@HOST@' else '')"),
    "own_processes": Harm("import os; print('harm' if os.path.exists('/proc/@PARENT@') else '')"),
    "own_user": Harm("print('harm' if open('/proc/self/uid_map').read().split()[1] == '0' else '')"),
    "seccomp": Harm("import ctypes; print('harm' if ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0 else '')"),
    "capabilities": Harm(
        "held = open('/proc/self/status').read().split('CapEff:')[1].split()[0]; print('harm' if int(held, 16) else '')"
    ),
    "session": Harm("import os; print('harm' if os.getsid(0) == 0 else '')"),
    "memory": Harm("x = bytearray(200 << 20); print('harm')"),
    "processes": Harm(
        "import os, time\nfor n in range(99):\n if os.fork() == 0: time.sleep(2); os._exit(0)\nprint('harm')"
    ),
    "processor_time": Harm("import time\nwhile time.process_time() < 1.5: pass\nprint('harm')", seconds=1),
    "wall_time": Harm("import time; time.sleep(4); print('harm')", seconds=0.2, limits=SandboxLimits()),
    "output": Harm("print('x' * 6_000_000)", done=lambda run: run.ending is Ending.EXITED),
    "disk": Harm("for n in range(8): open(f'/tmp/{n}', 'wb').write(bytes(10 << 20))\nprint('harm')"),
    "open_files": Harm("x = [open('/dev/null') for _ in range(400)]; print('harm')"),
    "file_size": Harm("import os; os.truncate(os.memfd_create('x'), 1 << 30); print('harm')"),
    "cleanup": Harm(
        "import os, time\nif os.fork() == 0:\n os.setsid(); os.closerange(0, 3); "
        f"os.execlp('sleep', '{SURVIVOR}', '30')\ntime.sleep(0.5)",
        done=lambda _: bool(survivors()),
        seconds=0.2,
        limits=SandboxLimits(),
    ),
}  # fmt: skip


def survivors() -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found += [int(path.parent.name)] if path.read_bytes().startswith(SURVIVOR.encode()) else []
    return found


@pytest.fixture
def harm(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Harm]:
    """The harm of the protection, with the names of this host."""
    name = request.param
    if name == "own_user" and os.geteuid() != 0:
        pytest.skip("runs have another user only where we are root")
    if name == "memory" and not sandbox.limits_all_processes:
        pytest.skip("no control groups")
    with socket.create_server(("127.0.0.1", 0)) as server, tempfile.NamedTemporaryFile("w", dir="/var/tmp") as secret:
        secret.write("harm")
        secret.flush()
        Path(secret.name).chmod(0o644)
        names = {"@PORT@": server.getsockname()[1], "@SECRET@": secret.name, "@HOST@": socket.gethostname()}
        code = HARMS[name].code
        for placeholder, value in (names | {"@PARENT@": os.getpid()}).items():
            code = code.replace(placeholder, str(value))
        yield HARMS[name]._replace(code=code)
    for pid in survivors():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    # Unlike Path.glob, os.walk passes over groups that other processes remove in the meantime.
    for folder, _, _ in os.walk(ROOT):
        if Path(folder).name.startswith(f"{PREFIX}{os.getpid()}-"):
            with suppress(OSError):
                Path(folder).rmdir()


def does_harm(harm: Harm, protections: Protections) -> bool:
    sandbox = Sandbox(harm.limits, protections)
    words = ["/usr/bin/python3", "-c", harm.code]
    run = sandbox.run(Command(words, harm.seconds, harm.memory_mib * MIB))
    return harm.done(run)


def test_every_protection_has_a_test() -> None:
    assert HARMS.keys() == {each.name for each in fields(Protections)}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "harm"), [(name, name) for name in HARMS], indirect=["harm"])
def test_harm_is_done_only_without_the_protection(name: str, harm: Harm) -> None:
    assert not does_harm(harm, ALL_PROTECTIONS)
    assert does_harm(harm, replace(ALL_PROTECTIONS, **{name: False}))


@pytest.mark.parametrize("name", ["network", "toolchain_only", "read_only", "own_processes", "seccomp", "capabilities"])
def test_probe_rejects_a_sandbox_that_does_not_isolate(name: str, sandbox: Sandbox) -> None:
    assert sandbox
    with raises_code("sandbox-unavailable"):
        working_sandbox(Sandbox(protections=replace(ALL_PROTECTIONS, **{name: False})))


def test_sandbox_that_cannot_be_started_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho no permission >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    tmp_path.chmod(0o755)
    with pytest.raises(SandboxError, match=r"no permission|cannot be started"):
        working_sandbox()


def test_runs_of_several_threads_do_not_share_descriptors(sandbox: Sandbox) -> None:
    def run(number: int) -> tuple[bytes, bytes]:
        done = sandbox.run(
            Command(["/bin/sh", "-c", "cat; ls /proc/self/fd | wc -l"], 10, 64 * MIB, str(number).encode())
        )
        return done.stdout, str(number).encode()

    with ThreadPoolExecutor(8) as pool:
        for printed, number in pool.map(run, range(40)):
            assert printed == number + b"4\n"
