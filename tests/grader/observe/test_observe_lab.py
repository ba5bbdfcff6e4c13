"""`grader observe` and `grader init-checks` on whole labs."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grader.observe.init_checks import init_checks
from grader.observe.observe_lab import observe_lab
from labs_schema.observations import Outcome
from labs_schema.reading.observations_file import load_observations
from labs_schema.reading.validate import load_lab
from serving.observing.observation_cache import cache_folder, forget_observations
from tests.harness.errors import raises_code

RUBRIC = [{"title": "Right?", "ratings": [{"title": "yes"}, {"title": "no"}]}]


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed, and make setup could not install it")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def write_lab(folder: Path, programs: dict[str, str], checks: str) -> Path:
    (folder / "submissions").mkdir(parents=True)
    for student, text in programs.items():
        (folder / "submissions" / f"{student}@c.py").write_text(text)
    (folder / "ps.txt").write_text("Print the sum of two numbers.")
    (folder / "rubrics.json").write_text(json.dumps(RUBRIC))
    (folder / "checks.yaml").write_text(checks)
    return folder


SUM = "tests: [{name: sum, stdin: '2 3', stdout: '5'}, {name: zero, stdin: '0 0', stdout: '0'}]"


def test_observes_each_program_once_and_writes_them_with_the_lab(tmp_path: Path) -> None:
    programs = {"s1": "print(sum(map(int, input().split())))", "s2": "print(5)", "s3": "print(5)", "s4": "print(("}
    lab = write_lab(tmp_path / "lab", programs, SUM)
    first = observe_lab(lab, workers=2)
    outcomes = {s: [r.outcome.value for r in o.results] for s, o in first.observations.items()}
    assert outcomes == {
        "s1": ["passed", "passed", "passed", "passed"],
        "s2": ["passed", "passed", "passed", "failed"],
        "s3": ["passed", "passed", "passed", "failed"],
        "s4": ["failed", "not_run", "not_run", "not_run"],
    }
    assert first.cached == 0 and len(list(cache_folder().rglob("*.json"))) == 3
    read = load_lab(lab)
    assert {each.student: each.observations for each in read.submissions} == first.observations

    before = (lab / "observations.jsonl").read_bytes()
    assert observe_lab(lab).cached == 4 and (lab / "observations.jsonl").read_bytes() == before
    (lab / "submissions" / "s2@c.py").write_text("print(0)")
    assert observe_lab(lab).cached == 3
    (lab / "checks.yaml").write_text(SUM.replace("'5'", "'6'"))
    assert observe_lab(lab).cached == 0
    forget_observations()
    assert not cache_folder().exists()


def test_lab_without_checks_and_lab_that_programs_could_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = write_lab(tmp_path / "lab", {"s1": "print(5)"}, SUM)
    monkeypatch.setattr("grader.observe.observe_lab.is_visible", lambda folder: folder == lab)
    with raises_code("lab-in-toolchain"):
        observe_lab(lab)
    (lab / "checks.yaml").unlink()
    with raises_code("invalid-input"):
        observe_lab(lab)


def test_without_bubblewrap_nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = write_lab(tmp_path / "lab", {"s1": f"open({str(tmp_path / 'run')!r}, 'w')"}, SUM)
    monkeypatch.setenv("PATH", str(tmp_path))
    with raises_code("sandbox-unavailable"):
        observe_lab(lab)
    assert not (lab / "observations.jsonl").exists() and not (tmp_path / "run").exists()


def test_killed_in_the_middle_it_continues_and_loses_and_doubles_nothing(tmp_path: Path) -> None:
    programs = {f"s{n}": f"import time\ntime.sleep(0.3)\nprint(5)\n# {n}" for n in range(8)}
    lab = write_lab(tmp_path / "lab", programs, "tests: [{name: sum, stdout: '5'}]")
    command = [sys.executable, "-m", "grader", "observe", str(lab), "--workers", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    while len(stored := list(cache_folder().rglob("*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    stored = list(cache_folder().rglob("*.json"))
    assert 3 <= len(stored) < 8 and not (lab / "observations.jsonl").exists()
    observed = observe_lab(lab, workers=2)
    assert observed.cached == len(stored)
    lines = (lab / "observations.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["student"] for line in lines) == sorted(programs)
    assert all(each.results[-1].outcome is Outcome.PASSED for each in load_observations(lab).values())


def test_checks_are_proposed_from_a_reference_solution(tmp_path: Path) -> None:
    lab = write_lab(tmp_path / "lab", {"s1": "print(0)"}, "")
    (lab / "checks.yaml").unlink()
    samples = tmp_path / "samples"
    samples.mkdir()
    (samples / "small.in").write_text("1 2\n")
    (samples / "lines.txt").write_text("3\n4\n")
    reference = tmp_path / "solution.py"
    reference.write_text("import sys\nn = list(map(int, sys.stdin.read().split()))\nprint(*n, sum(n), sep='\\n')")
    proposed = init_checks(lab, reference, [samples])
    assert {test.name: test.stdout for test in proposed.tests} == {"small": "1\n2\n3\n", "lines": "3\n4\n7\n"}
    assert [r.outcome.value for r in observe_lab(lab).observations["s1"].results][2:] == ["failed", "failed"]
    with raises_code("invalid-input"):
        init_checks(lab, reference, [samples])


def test_proposed_tests_have_the_inputs_as_they_are(tmp_path: Path) -> None:
    """Names are unique also next to those of the build; answers and hidden files are not inputs."""
    lab = write_lab(tmp_path / "lab", {"s1": "print(0)"}, "")
    (lab / "checks.yaml").unlink()
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, files in ((first, ("a.in", "a.ans", ".DS_Store", "build.txt")), (second, ("a.txt",))):
        folder.mkdir()
        for name in files:
            (folder / name).write_bytes(f"{name} é \r\n".encode())
    (tmp_path / "solution.py").write_text("import sys\nprint(sys.stdin.buffer.read())\nsys.exit(3)")
    proposed = init_checks(lab, tmp_path / "solution.py", [first, second])
    found = {test.name: (test.stdin, test.exit_status) for test in proposed.tests}
    assert found == {
        name: (f"{text} é \r\n", 3) for name, text in (("a", "a.in"), ("build (2)", "build.txt"), ("a (2)", "a.txt"))
    }
    (lab / "checks.yaml").unlink()
    (second / "latin1.txt").write_bytes("é".encode("latin-1"))
    with raises_code("invalid-input"):
        init_checks(lab, tmp_path / "solution.py", [second])


@pytest.mark.parametrize(
    "text", ["import sys; sys.stdout.buffer.write(b'\\xff')", "print((", "import time\nprint(time.time_ns())", "1 / 0"]
)
def test_reference_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    lab = write_lab(tmp_path / "lab", {"s1": "print(0)"}, "")
    (lab / "checks.yaml").unlink()
    (tmp_path / "solution.py").write_text(text)
    with raises_code("reference-failed"):
        init_checks(lab, tmp_path / "solution.py", [])
    assert not (lab / "checks.yaml").exists()
