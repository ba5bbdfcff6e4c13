"""`grader regrade --cluster`: errors have no traceback, and a killed run can be resumed."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from platform import node
from typing import Any
from uuid import uuid4

import psutil
import pytest

from grader.cli import main
from labs_schema.models import Lab
from serving.grading.grader import Grader
from serving.store.store import open_store
from tests.harness.courses.lab_folders import write_lab
from tests.harness.courses.synthetic_lab import COURSE, synthetic_lab
from tests.harness.processes.forking import ROOT

pytestmark = [pytest.mark.nightly, pytest.mark.filterwarnings("ignore")]  # of Ray

STUDENTS = 96


def graded(store: Path) -> list[str]:
    """The pseudonym of each stored grade."""
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as opened:
            return [str(row[0]) for row in opened.execute("SELECT student FROM grades")]
    except sqlite3.OperationalError:
        return []


def started_by(mark: str) -> list[str]:
    """The command lines of processes with `mark` in their environment, which Ray's processes inherit."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("STARTED_BY") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def wait_for(condition: Callable[[], bool], seconds: float, message: Callable[[], object]) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, message()
        time.sleep(0.1)


def test_killed_run_leaves_no_process_and_resumes_with_equal_results(
    results_in: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, mark = synthetic_lab(STUDENTS), str(uuid4())
    write_lab(lab, tmp_path / COURSE / "chaos")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # also for the workers
    monkeypatch.setenv("STARTED_BY", mark)

    def start(out: str, *options: str) -> "subprocess.Popen[str]":
        monkeypatch.setenv("GRADER_STORE", f"sqlite:///{tmp_path}/{out}.db")
        command = [sys.executable, "-m", "tests.harness.processes.synthetic_command", "0.08", "regrade"]
        command += [str(tmp_path / COURSE / "chaos"), "--model", "a/b"]
        return subprocess.Popen(
            [*command, "--out", str(tmp_path / out), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    complete, killed = start("complete"), start("killed", "--cluster", "local")
    wait_for(lambda: len(graded(tmp_path / "killed.db")) >= 16, 90, killed.poll)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL, "it ended before it was killed"
    assert complete.communicate(timeout=60) and complete.returncode == 0
    stored = len(graded(tmp_path / "killed.db"))
    assert 16 <= stored < STUDENTS
    wait_for(lambda: not started_by(mark), 90, lambda: started_by(mark))
    resumed = start("killed", "--cluster", "local")
    output, errors = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, errors
    assert f"{STUDENTS - stored} submissions graded, {stored} already graded by an earlier run" in output
    wait_for(lambda: not started_by(mark), 30, lambda: started_by(mark))  # Ray's processes end a moment later
    expected = results_in(tmp_path / "complete")
    assert len(expected) == 5 and expected == results_in(tmp_path / "killed")
    store = open_store(f"sqlite:///{tmp_path}/killed.db")
    assert store.verify().faults == ()
    store.close()
    assert len(graded(tmp_path / "killed.db")) == len(set(graded(tmp_path / "killed.db"))) == STUDENTS


def test_missing_model_or_cluster_of_a_resumed_run_reports_the_stored_progress(
    make_lab: Callable[..., Lab],
    tiny_model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import ray.util.client.worker

    monkeypatch.setattr(ray.util.client.worker, "INITIAL_TIMEOUT_SEC", 0.5)
    monkeypatch.setattr(ray.util.client.worker, "MAX_TIMEOUT_SEC", 0.5)
    monkeypatch.setenv("GRADER_STORE", f"sqlite:///{tmp_path}/store.db")
    monkeypatch.setenv("COLUMNS", "120")
    write_lab(make_lab(students=17), tmp_path / "lab1")
    model = tmp_path / "model"
    shutil.copytree(tiny_model_folder, model)

    def regrade(*options: str) -> tuple[int, str]:
        command = ["grader", "regrade", str(tmp_path / "lab1"), "--out", str(tmp_path / "out"), "--model", str(model)]
        monkeypatch.setattr(sys, "argv", [*command, *options])
        with pytest.raises(SystemExit) as ended:
            main()
        output = capsys.readouterr()
        return int(ended.value.code or 0), " ".join((output.out + output.err).split())

    grade, calls = Grader.grade, list[int]()

    def stopped(grader: Grader, *work: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return grade(grader, *work, **options)

    monkeypatch.setattr(Grader, "grade", stopped)
    progress = "16 of 17 submissions are graded and stored. Rerun the command to resume."
    code, output = regrade("--engine", "transformers")
    assert code == 1 and f"error Stopped. {progress}" in output
    weights, unloadable = (model / "model.safetensors").read_bytes(), f"transformers cannot load {model}: Error while"
    (model / "model.safetensors").write_bytes(b"truncated")
    for options, message in (
        (
            ["--engine", "transformers", "--cluster", "local"],
            f"error On a worker, {node()}: {unloadable}",
        ),
        (["--engine", "http://127.0.0.1:9", "--cluster", "local"], "no engine server answers at http://127.0.0.1:9"),
        (["--engine", "transformers", "--cluster", "ray://127.0.0.1:9"], "error no Ray cluster answers at ray://127."),
        (["--engine", "transformers"], f"error {unloadable}"),
    ):
        code, output = regrade(*options)
        assert (code, "Traceback" in output) == (1, False)
        assert message in output and output.endswith(progress)
    (model / "model.safetensors").write_bytes(weights)
    code, output = regrade("--engine", "transformers")
    assert code == 0 and "1 submissions graded, 16 already graded by an earlier run" in output
    assert len(graded(tmp_path / "store.db")) == len(set(graded(tmp_path / "store.db"))) == 17
