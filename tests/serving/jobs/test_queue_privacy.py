"""What the queue's own file holds of students: nothing, nor anything that runs, whatever went wrong in a job."""

import base64
import os
import pickle
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.models import Lab, SourceFile
from serving.jobs.job import Job, State
from serving.jobs.worker import Worker
from serving.store.store import Store


def test_the_queue_holds_no_student_no_program_and_nothing_that_runs(
    desk: Any, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_: Job) -> Lab:
        raise PermissionError(f"/labs/lab/{desk.known.submissions[0].student}")

    job = desk.add()
    monkeypatch.setattr(desk, "lab", unreadable)
    worker.begin(job)
    time.sleep(1)
    queue = b"".join(path.read_bytes() for path in tmp_path.glob("store.db.jobs*"))
    assert job.id.encode() in queue
    for submission in desk.known.submissions:
        assert submission.student.encode() not in queue
        assert submission.files[0].text.encode() not in queue
    with sqlite3.connect(f"{tmp_path}/store.db.jobs") as connection:
        formats = set(connection.execute("SELECT DISTINCT serialization FROM workflow_status"))
    assert formats == {("portable_json",)}
    assert {path.stat().st_mode & 0o077 for path in tmp_path.glob("store.db*")} == {0}


class Attack:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(Path(os.environ["ATTACK"]) / "ran"),)


def test_a_pickle_in_the_queue_is_not_opened(
    desk: Any, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: Any
) -> None:
    monkeypatch.setenv("ATTACK", str(tmp_path))
    job = desk.add()
    worker.begin(job)
    assert ended(desk.book, job).state is State.DONE
    planted = base64.b64encode(pickle.dumps(Attack())).decode()
    with sqlite3.connect(f"{tmp_path}/store.db.jobs", timeout=10) as connection:
        connection.execute("UPDATE workflow_input SET inputs = ?", (planted,))
        connection.execute("UPDATE workflow_status SET serialization = 'py_pickle', status = 'PENDING'")
        connection.execute("UPDATE workflow_status SET executor_id = 'dead'")
    time.sleep(1)
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_neither_the_queue_s_file_nor_a_worker_s_log_names_a_student(
    tmp_path: Path,
    make_lab: Callable[..., Lab],
    store: Store,
    new_desk: Any,
    url: str,
    ended: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    lab = make_lab(students=3)
    files = (SourceFile(path="ZEBRA-FILE.c", text="int ZEBRA_CODE;"),)
    first = lab.submissions[0].model_copy(update={"student": "ZEBRA-ID", "folder": "ZEBRA-ID@c", "files": files})
    lab = lab.model_copy(update={"submissions": (first, *lab.submissions[1:])})
    desk = new_desk(lab)
    desk.poison = {files[0].text}  # its failure quotes the program
    worker = Worker(desk, url, dead_seconds=1)
    worker.start()
    try:
        job = desk.add()
        worker.begin(job)
        found = ended(desk.book, job)
        assert found.state is State.DONE and len(found.parked) == 1 and "ZEBRA" not in found.parked[0].reason
    finally:
        worker.stop()
        store.forget_student("ZEBRA-ID", actor="admin")
        store.close()
    assert list(tmp_path.glob("store.db.jobs*"))
    for path in tmp_path.iterdir():
        assert b"ZEBRA" not in path.read_bytes(), path.name
    seen = capfd.readouterr()
    assert "ZEBRA" not in caplog.text + seen.out + seen.err
