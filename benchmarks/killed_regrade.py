"""Kills `grader regrade` with SIGKILL, types it again each time, and holds its results against those of one command.

Part of `make chaos`. The command is the real one, with a made-up model (`made_up_service`).
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from made_up_service import LAB, made_up_grader, until

from labs_schema.lab_writer import write_lab
from labs_schema.models import Lab
from serving.jobs.repository import JobRepository
from serving.store.store import Store, open_store

SECONDS = 0.02
"""That the model takes for a submission."""


def main() -> None:
    """`killed_regrade.py LAB OUT`, over the store that GRADER_STORE names."""
    from serving.model import loading

    loading.load_grader = lambda *_, **__: made_up_grader(SECONDS)
    from grader.regrade.regrade import regrade_labs

    regrade_labs([Path(sys.argv[1])], "made-up", Path(sys.argv[2]))


def killed(url: str, lab: Lab, kills: int, seed: int) -> dict[str, Any]:
    """What is wrong with the grades of a job whose command was killed so often, a fifth of the times while it loads."""
    chance, began = random.Random(seed), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_lab(lab, folder / "course" / LAB)
        _regrade(folder, f"sqlite:///{folder}/unkilled.db", "unkilled").wait()
        store, done = open_store(url), 0
        for number in range(kills):
            process, before = _regrade(folder, url, "killed"), _graded(store)
            if number % 5 < 4:
                until(lambda process=process, before=before: _graded(store) > before or process.poll() is not None, 120)
            time.sleep(chance.uniform(0, 0.5))
            if process.poll() is not None:
                break
            process.kill()
            process.wait()
            done += 1
        status = _regrade(folder, url, "killed").wait()
        right, found = (_grades(folder / out) for out in ("unkilled", "killed"))
        book = JobRepository(store.database)
        [job] = book.all()
        recorded = Counter(grade.student for grade in store.read_grades(job.id))
        result = {
            "kills": done,
            "kills_while_recovering": sum(number % 5 == 4 for number in range(done)),
            "workers": "grader regrade",
            "state": book.progress(job.id).state,
            "submissions": len(lab.submissions),
            "lost": len(lab.submissions) - len(found.keys() & right.keys()),
            "doubled": sum(count - 1 for count in recorded.values()),
            "changed": sum(found[student] != right[student] for student in found.keys() & right.keys()),
            "parked": len(book.progress(job.id).parked),
            "ok": status == 0 and not store.verify().faults,
        }
        store.close()
    return {**result, "seconds": round(time.monotonic() - began, 1)}


def _regrade(folder: Path, url: str, out: str) -> "subprocess.Popen[bytes]":
    root = str(Path(__file__).resolve().parents[1])
    environment = {**os.environ, "GRADER_STORE": url, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, str(folder / "course" / LAB), str(folder / out)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


def _graded(store: Store) -> int:
    book = JobRepository(store.database)
    return sum(book.progress(job.id).graded for job in book.all())


def _grades(out: Path) -> dict[str, Any]:
    """Student -> grade, as the command wrote them."""
    rows = [json.loads(line) for line in (out / "grades.jsonl").read_text().splitlines()]
    return {row["grade"]["student"]: row["grade"] for row in rows}


if __name__ == "__main__":
    main()
