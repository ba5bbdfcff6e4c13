"""Kills `grader regrade` with SIGKILL, reruns it each time, and compares the results with those of one run.

The command is the real one, with a synthetic model.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from labs_schema.models import Lab
from serving.jobs.repository import JobRepository
from serving.store.store import Store, open_store
from tests.harness.courses.lab_folders import write_lab
from tests.harness.courses.synthetic_lab import LAB
from tests.harness.processes.forking import ForkedProcess, start, wait_until
from tests.harness.processes.service_process import synthetic_grader
from tests.harness.stores.exactly_once import job_faults

SECONDS = 0.02
"""The model's time for a submission."""


def main() -> None:
    """`python -m tests.harness.processes.killed_regrade LAB OUT`, over the store that GRADER_STORE names."""
    from grader.regrade import regrade

    regrade.load_grader = lambda *_, **__: synthetic_grader(SECONDS)
    regrade.regrade_labs([Path(sys.argv[1])], "synthetic", Path(sys.argv[2]), regrade.RegradeOptions())


def killed(url: str, lab: Lab, kills: int, seed: int) -> dict[str, Any]:
    """The faults of a job whose command was killed `kills` times, a fifth of them while it was loading."""
    chance, began = random.Random(seed), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_lab(lab, folder / "course" / LAB)
        _regrade(folder, f"sqlite:///{folder}/unkilled.db", "unkilled").wait()
        store, done = open_store(url), 0
        for number in range(kills):
            process, before = _regrade(folder, url, "killed"), _graded(store)
            if number % 5 < 4:
                wait_until(lambda p=process, n=before: _graded(store) > n or p.poll() is not None, 120)
            time.sleep(chance.uniform(0, 0.5))
            if process.poll() is not None:
                break
            process.kill()
            process.wait()
            done += 1
        status = _regrade(folder, url, "killed").wait()
        right, found = (_grades(folder / out) for out in ("unkilled", "killed"))
        repository = JobRepository(store.database)
        [job] = repository.all()
        result = {
            "kills": done,
            "kills_while_recovering": sum(number % 5 == 4 for number in range(done)),
            "workers": "grader regrade",
            "state": repository.progress(job.id).state,
            "submissions": len(lab.submissions),
            **job_faults(store, job),
            "lost": len(lab.submissions) - len(found.keys() & right.keys()),
            "changed": sum(found[student] != right[student] for student in found.keys() & right.keys()),
            "ok": status == 0 and not store.verify().faults,
        }
        store.close()
    return {**result, "seconds": round(time.monotonic() - began, 1)}


def _regrade(folder: Path, url: str, out: str) -> ForkedProcess:
    given = folder / "course" / LAB, folder / out
    return start("tests.harness.processes.killed_regrade", *given, env={"GRADER_STORE": url}, stderr=subprocess.DEVNULL)


def _graded(store: Store) -> int:
    repository = JobRepository(store.database)
    return sum(repository.progress(job.id).graded for job in repository.all())


def _grades(out: Path) -> dict[str, Any]:
    """Student -> grade, as the command wrote them."""
    rows = [json.loads(line) for line in (out / "grades.jsonl").read_text().splitlines()]
    return {row["grade"]["student"]: row["grade"] for row in rows}


if __name__ == "__main__":
    main()
