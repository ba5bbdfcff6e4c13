"""Durability: commits are synced before answers, a truncated WAL is a prefix of commits, kills lose nothing."""

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from serving.store.database import open_database
from serving.store.errors import StoreError
from serving.store.store import open_store
from tests.harness.processes.forking import start

WRITER = "tests.harness.processes.writing_process"


def written(hand: Any) -> str:
    """Input of `WRITER`."""
    work = hand.written_by("")
    parts = {"lab": hand.lab, "work": work, "grade": hand.graded(hand.lab, work)}
    return json.dumps({name: part.model_dump(mode="json") for name, part in parts.items()})


@pytest.mark.usefixtures("production_stores")
def test_sqlite_connections_sync_commits_and_wipe_deleted_rows(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/new folder/grader.db")
    wanted = {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1, "secure_delete": 1, "recursive_triggers": 1}
    barrier = threading.Barrier(3)

    def pragmas(_: int) -> dict[str, object]:
        with database.writing() if _ == 0 else database.reading() as connection:
            barrier.wait(5)
            return {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in wanted}

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(pragmas, range(3))) == [wanted] * 3
    database.close()
    assert (tmp_path / "new folder" / "grader.db").stat().st_mode & 0o077 == 0


def test_error_of_an_unusable_store_has_no_password(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("This is not a database, however long it is." * 100)
    for url in (f"sqlite:///{tmp_path}/text.db", f"postgresql://me:PASSWORD@/x?host={tmp_path}&password=PASSWORD"):
        with pytest.raises(StoreError, match="cannot be used") as error:
            open_store(url)
        assert "PASSWORD" not in str(error.value)


def test_store_of_a_newer_version_is_refused(new_url: Callable[[], str]) -> None:
    url = new_url()
    database = open_database(url)
    with database.writing() as connection:
        connection.execute(text("UPDATE grader_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(StoreError, match="newer grader"):
        open_store(url)


@pytest.mark.usefixtures("production_stores")
def test_concurrent_first_opens_create_one_store(new_url: Callable[[], str]) -> None:
    url = new_url()
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: open_store(url), range(6)))
    assert len({store.pseudonym_for("c", "s", actor="api") for store in stores}) == 1
    for store in stores:
        store.close()


@pytest.mark.parametrize("cuts", [8, pytest.param(300, marks=pytest.mark.nightly)])
def test_truncated_wal_is_a_prefix_of_the_commits(tmp_path: Path, hand: Any, cuts: int) -> None:
    store = open_store(f"sqlite:///{tmp_path}/grader.db")
    with store.database.autocommit() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    commits, ids = {0: 0}, []
    for number in range(12):
        works = [hand.written_by(store.pseudonym_for("c", f"s{number}", actor="api"), f"// {i}\n") for i in range(3)]
        commits[store.verify().entries] = len(ids)
        ids += store.record_grades(
            hand.lab, works, [hand.graded(hand.lab, w) for w in works], request="job", actor="job"
        )
        commits[store.verify().entries] = len(ids)
    file, wal = tmp_path / "grader.db", (tmp_path / "grader.db-wal").read_bytes()
    dice, seen = random.Random(0), set()
    copy, copied = open_store(f"sqlite:///{tmp_path}/copy.db"), tmp_path / "copy.db"
    for _ in range(cuts):
        copy.close()  # its next transaction reopens the files
        shutil.copy(file, copied)
        copied.with_name("copy.db-wal").write_bytes(wal[: dice.randrange(len(wal) + 1)])
        report = copy.verify()
        assert report.faults == () and report.entries in commits
        assert [grade.id for grade in copy.read_grades("job")] == ids[: commits[report.entries]]
        seen.add(report.entries)
    copy.close()
    assert len(seen) >= min(cuts // 2, 20)  # the cuts were not all at one end
    store.close()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize(("synchronous", "early"), [("default", range(1)), ("NORMAL", range(150, 201))])
def test_commit_is_synced_before_the_answer(tmp_path: Path, hand: Any, synchronous: str, early: range) -> None:
    """The system calls of a process that answers 200 times. NORMAL shows that the test detects early answers."""
    trace = ["strace", "-f", "-y", "-qq", "-e", "trace=write,pwrite64,fsync,fdatasync", "-o", str(tmp_path / "calls")]
    writer = [sys.executable, "-m", WRITER, f"sqlite:///{tmp_path}/grader.db", "200", synchronous]
    done = subprocess.run([*trace, *writer], input=written(hand), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode and not done.stdout:
        pytest.skip("strace may not trace here")
    answers = unsynced = 0
    dirty = False
    for call in (tmp_path / "calls").read_text(errors="replace").splitlines():
        if re.search(r"pwrite64\(\d+<[^>]*grader\.db-wal>", call):
            dirty = True
        elif re.search(r"(fsync|fdatasync)\(\d+<[^>]*grader\.db-wal>", call):
            dirty = False
        elif re.search(r"write\(1<[^>]*>, \"[0-9a-f]{32}", call):
            answers, unsynced = answers + 1, unsynced + dirty
    assert answers == 200 and unsynced in early


@pytest.mark.slow
def test_kill_loses_no_answered_grade(new_url: Callable[[], str], hand: Any) -> None:
    """Killed three times at random moments and restarted: every answer stays, none is duplicated."""
    url, dice = new_url(), random.Random(0)
    answered: list[str] = []
    for _ in range(3):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with start(WRITER, url, 1000, "default", **pipes) as process:
            assert process.stdin and process.stdout
            process.stdin.write(written(hand))
            process.stdin.close()
            lines = [process.stdout.readline().strip() for _ in range(len(answered) + dice.randrange(3, 30))]
            process.send_signal(signal.SIGKILL)
            lines += [line.strip() for line in process.stdout if line.endswith("\n")]
        assert lines[: len(answered)] == answered
        answered = lines
        store = open_store(url)
        stored = [grade.id for grade in store.read_grades("job")]
        assert stored[: len(answered)] == answered and len(stored) <= len(answered) + 1
        assert store.verify().faults == ()
        store.close()
