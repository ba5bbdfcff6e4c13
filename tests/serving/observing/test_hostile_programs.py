"""Hostile programs in four languages: none leaves the sandbox, none survives its run, each has a named outcome."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from labs_schema.checks.models import Build, Checks, ProgramTest
from labs_schema.limits import SandboxLimits
from labs_schema.models import SourceFile, Submission
from labs_schema.observations import SubmissionObservations
from serving.observing import observer
from serving.observing.isolation.cgroups import PREFIX, ROOT
from serving.observing.isolation.sandbox import Sandbox
from serving.observing.observer import Observer
from serving.observing.toolchains import TOOLCHAINS

pytestmark = pytest.mark.slow

CANARY = "canary-expected-answer"
MIB = 1_048_576
MEMORY_MIB = 64
FILE_NAMES = {"C": "main.c", "C++": "main.cpp", "Python": "main.py", "JavaScript": "main.js"}
CHECKS = Checks(
    build=Build(seconds=4, memory_mib=512, warnings=False),
    tests=(ProgramTest(name="t", stdout="safe", seconds=0.3, memory_mib=MEMORY_MIB),),
)


class Hostile(NamedTuple):
    language: str
    name: str
    code: str
    build: list[str]
    outcome: list[str]


def _catalogue() -> Iterator[Hostile]:
    for path in sorted((Path(__file__).parent / "hostile").glob("*.yaml")):
        listed = yaml.safe_load(path.read_text())
        for each in listed["programs"]:
            headers = "".join(f"#include <{header}>\n" for header in each.get("headers", ()))
            code = headers + listed["prelude"] + each["code"]
            outcome = each.get("outcome", ["not_run"])
            yield Hostile(listed["language"], each["name"], code, each.get("build", ["passed"]), outcome)


CATALOGUE = {f"{each.language}: {each.name}": each for each in _catalogue()}


class Host(NamedTuple):
    """The targets of the attacks. `replacements`: the placeholders in programs."""

    folder: Path
    tcp: socket.socket
    abstract: socket.socket
    replacements: dict[str, str]


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A lab that every user of the host may read, and sockets that accept connections."""
    folder = Path(tempfile.mkdtemp(prefix="grader-hostile-"))
    folder.chmod(0o755)
    secret = folder / "SECRET.txt"
    secret.write_text(CANARY)
    (folder / "canary.py").write_text("")
    name = f"grader-hostile-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{name}")
        abstract.listen()
        for each in (tcp, abstract):
            each.setblocking(False)
        replacements = {"@SECRET@": str(secret), "@PORT@": str(tcp.getsockname()[1]), "@ABSTRACT@": name}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GRADER_CANARY", "canary-in-environment")
            yield Host(folder, tcp, abstract, replacements | {"@PARENT@": str(os.getpid())})
    shutil.rmtree(folder)


class Survey(NamedTuple):
    """Program -> what was observed; free bytes of the disk before and after; control groups that are left."""

    observed: dict[str, SubmissionObservations]
    free: tuple[int, int]
    groups: set[Path]


@pytest.fixture(scope="module")
def survey(host: Host, sandbox: Sandbox) -> Survey:
    """All programs, run in parallel. They have more wall-clock time than usual, as the machine may be busy."""
    patient = Sandbox(SandboxLimits(wall_extra_seconds=3.0))
    assert patient.limits_all_processes == sandbox.limits_all_processes

    def observe(hostile: Hostile) -> SubmissionObservations:
        code = hostile.code
        for placeholder, value in host.replacements.items():
            code = code.replace(placeholder, value)
        files = (SourceFile(path=FILE_NAMES[hostile.language], text=code),)
        return Observer(CHECKS, TOOLCHAINS[hostile.language], patient, {}).observe(
            Submission(student="s1", folder="s1@c", files=files)
        )

    installed = {name: each for name, each in CATALOGUE.items() if not TOOLCHAINS[each.language].missing()}
    before, others = shutil.disk_usage(tempfile.gettempdir()).free, _groups()
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(8) as pool:  # most of them wait for their limit
        patch.setattr(observer, "REPEATS", 0)
        patch.setattr(observer, "_REPEATS", {})
        observed = dict(zip(installed, pool.map(observe, installed.values()), strict=True))
    return Survey(observed, (before, shutil.disk_usage(tempfile.gettempdir()).free), _groups() - others)


def _groups() -> set[Path]:
    return {path for path in ROOT.glob(f"**/{PREFIX}{os.getpid()}-*") if path.is_dir()}


def test_there_are_a_hundred_programs() -> None:
    assert len(CATALOGUE) >= 100 and {each.language for each in CATALOGUE.values()} == FILE_NAMES.keys()


@pytest.mark.parametrize("name", CATALOGUE)
def test_program_is_contained_and_has_its_outcome(name: str, survey: Survey, sandbox: Sandbox) -> None:
    if name not in survey.observed:
        pytest.skip("no tools for the language")
    build, test = survey.observed[name].results
    written = " ".join(f"{each.actual} {each.message} {each.diagnostics}" for each in (build, test))
    assert "ESCAPED" not in (test.actual or "") and CANARY not in written and "root:" not in written
    assert build.outcome.value in CATALOGUE[name].build, build
    if sandbox.limits_all_processes:  # without control groups, a program that cannot allocate ends as it likes
        assert test.outcome.value in CATALOGUE[name].outcome, test
        for result, limit in ((build, 512), (test, MEMORY_MIB)):
            most = limit * MIB + TOOLCHAINS[CATALOGUE[name].language].overhead_bytes
            assert (result.memory_bytes or 0) <= most


def test_nothing_is_left_of_the_runs(survey: Survey, host: Host) -> None:
    """A control group is deleted after each run, which the kernel refuses while it has a process."""
    assert survey.groups == set()
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    assert [pid for pid in children if "bwrap" in Path(f"/proc/{pid}/comm").read_text()] == []
    assert sorted(path.name for path in host.folder.iterdir()) == ["SECRET.txt", "canary.py"]
    assert not any(Path(folder, "escape").exists() for folder in ("/", "/usr", "/etc", "/dev", "/usr/lib/python3"))


def test_disk_of_the_host_is_not_used(survey: Survey) -> None:
    before, after = survey.free
    assert before - after < 300 * MIB  # other processes of the machine write, too


def test_no_connection_reached_the_host(survey: Survey, host: Host) -> None:
    assert survey.observed
    for listener in (host.tcp, host.abstract):
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_the_attacks_work_outside_of_the_sandbox(host: Host) -> None:
    """The canaries are readable and the sockets accept connections, so that a contained program means something."""
    scope: dict[str, Any] = {}
    prelude = yaml.safe_load((Path(__file__).parent / "hostile/python.yaml").read_text())["prelude"]
    exec(prelude, scope)
    assert scope["works"](lambda: Path(host.replacements["@SECRET@"]).read_text())
    with socket.create_connection(host.tcp.getsockname(), 5), socket.socket(socket.AF_UNIX) as client:
        client.connect(f"\0{host.replacements['@ABSTRACT@']}")
    assert (host.folder.stat().st_mode & 0o755) == 0o755
