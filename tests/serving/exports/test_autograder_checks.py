"""The Gradescope autograder runs the course's checks in an imitation of the platform's container, as its root."""

import io
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from labs_schema.checks.models import Checks, ProgramTest
from labs_schema.models import Lab
from serving.api.schemas.requests import LabGradeRequest
from serving.exports.autograders.package import AutograderRequest, autograder_zip

KEY = "grader_0123456789"
EXPECTED = "the expected output"
HOSTILE = """
import glob, os, resource, socket, sys, subprocess
found = []
for path in glob.glob("/autograder/**/*", recursive=True) + glob.glob("/proc/*/environ") + glob.glob("/tmp/*/*"):
    try:
        found.append(open(path, errors="replace").read())
    except OSError:
        pass
for path in ("/autograder/results/results.json", "/autograder/submission/new", "/etc/new"):
    try:
        open(path, "w").write("x"); print("wrote", path)
    except OSError:
        pass
for port in (@PORT@,):
    try:
        socket.create_connection(("127.0.0.1", port), 2); print("connected")
    except OSError:
        pass
text = "".join(found)
print("key" if "grader_0123" in text else "", "expected" if "the expected" in text else "")
print(os.path.exists("/var/tmp/left"), sorted(os.listdir("/tmp")))
print("core", resource.getrlimit(resource.RLIMIT_CORE))
open("/var/tmp/left", "w").write("x"); open("/tmp/left", "w").write("x")
if os.fork() == 0:
    os.setsid(); os.closerange(0, 99); os.execlp("sleep", "grader-left", "300")
"""


@pytest.fixture
def requests() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """A port, and the bodies that were sent to it. Every request is refused."""
    bodies: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(400)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, bodies
    server.shutdown()
    server.server_close()


@pytest.fixture
def imitation(tmp_path: Path) -> Callable[..., None]:
    """Runs `run_autograder` of the zip file as root of a container in which bubblewrap is missing or not allowed."""
    if os.geteuid() != 0 or shutil.which("bwrap") is None:
        pytest.skip("needs root and bubblewrap")

    def run(data: bytes, program: str, user: int = 0) -> None:
        root = tmp_path / "autograder"
        for folder in ("source", "submission", "results"):
            (root / folder).mkdir(parents=True)
        (root / "submission" / "main.py").write_text(program)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            archive.extractall(root / "source")
            for info in archive.infolist():
                (root / "source" / info.filename).chmod(info.external_attr >> 16)
        (root / "source" / "key.txt").write_text(KEY)
        (root / "source" / "venv" / "bin").mkdir(parents=True)
        python = root / "source" / "venv" / "bin" / "python"
        packages = Path(pytest.__file__).parent.parent
        python.write_text(
            f'#!/bin/sh\nPYTHONPATH=$PYTHONPATH:{packages} exec {sys.base_exec_prefix}/bin/python3 "$@"\n'
        )
        python.chmod(0o755)
        shown = [each for path in (packages, sys.base_exec_prefix) for each in ("--ro-bind", str(path), str(path))]
        words = ["bwrap", "--unshare-pid", "--die-with-parent", "--cap-add", "ALL"]
        for path in ("/usr", "/bin", "/lib", "/lib64", "/etc"):
            words += ["--ro-bind", path, path]
        words += ["--ro-bind", "/dev/null", "/usr/bin/bwrap", *shown, "--proc", "/proc", "--dev", "/dev"]
        words += ["--perms", "1777", "--tmpfs", "/tmp", "--perms", "1777", "--tmpfs", "/var/tmp"]
        words += ["--bind", str(root), "/autograder", "--clearenv", "--setenv", "PATH", "/usr/bin:/bin"]
        user_words = ["setpriv", f"--reuid={user}", "--clear-groups"] if user else []
        if user:
            for path in (root, *root.rglob("*")):
                os.chown(path, user, user)
        subprocess.run([*words, "--", *user_words, "/autograder/source/run_autograder"], check=True, timeout=120)

    return run


def zipped(make_lab: Callable[..., Lab], port: int, *tests: ProgramTest) -> bytes:
    lab = make_lab(students=0).model_copy(update={"language": "Python"})
    checks = Checks(tests=tests)
    address = f"http://127.0.0.1:{port}"
    request = AutograderRequest(platform="gradescope-autograder", service=address, checks=checks, seconds=5)
    return autograder_zip(lab, request)


@pytest.mark.slow
def test_outcomes_are_sent_and_the_program_reaches_neither_files_nor_results_nor_the_network(
    make_lab: Callable[..., Lab], imitation: Callable[..., None], requests: tuple[int, list[Any]], tmp_path: Path
) -> None:
    port, bodies = requests
    tests = [ProgramTest(name=name, stdin="7\n", stdout=EXPECTED, seconds=5) for name in ("first", "second")]
    imitation(zipped(make_lab, port, *tests), HOSTILE.replace("@PORT@", str(port)))
    [body] = bodies
    observed = LabGradeRequest.model_validate(body).observations
    assert observed and observed.source == "gradescope" and "unprivileged" in observed.tools["isolation"]
    outcomes = {each.check: each for each in observed.results}
    assert [outcomes[name].outcome for name in ("build", "first", "second")] == ["passed", "failed", "failed"]
    for name in ("first", "second"):
        printed = (outcomes[name].actual or "").split("\n")
        assert printed[0].strip() == "" and printed[1].startswith("False [") and "left" not in printed[1], printed
        assert printed[2] == "core (1, 1)"  # 0 does not prevent dumps that the kernel pipes to a program
    written = json.loads((tmp_path / "autograder" / "results" / "results.json").read_text())
    assert written["tests"][0]["name"] == "Grading"
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(each.startswith(b"grader-left") for each in commands)


@pytest.mark.slow
def test_container_without_root_and_bubblewrap_runs_nothing(
    make_lab: Callable[..., Lab], imitation: Callable[..., None], requests: tuple[int, list[Any]], tmp_path: Path
) -> None:
    port, bodies = requests
    program = "open('/autograder/results/ran', 'w')"
    imitation(zipped(make_lab, port, ProgramTest(name="first", stdout="")), program, user=60_700)
    assert "observations" not in bodies[0] and not (tmp_path / "autograder" / "results" / "ran").exists()
