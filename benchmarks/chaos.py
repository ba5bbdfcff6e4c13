"""Kills the workers of a job with SIGKILL, again and again, and looks at what became of the grades.

    python benchmarks/chaos.py [--submissions 500] [--kills 50] [--workers 1 3] [--store sqlite postgresql]

A made-up lab is regraded by so many real worker processes, and by `grader regrade` (0 workers, a fifth of the kills),
over a new SQLite file and over a PostgreSQL server of its own, each in turn; a store's URL is taken too. The model is a
function of the program's text, so that every grade is known. A fifth of the kills fall on a worker that has just been
started again and is recovering. At the end the grades must be those of a run without kills: none lost, none doubled,
none changed, none parked, and the audit chain must hold. Prints a line of JSON for each run and, last, one for all;
exit status 1 where something is wrong, or where a job was done before all kills.
"""

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from killed_regrade import killed
from own_postgresql import OwnPostgreSQL

from labs_schema.grades import CriterionGrade, Grade, Provenance, Status
from labs_schema.hashes import canonical_hash, rubric_hash, submission_hash
from labs_schema.models import Criterion, Lab, Rating, SourceFile, Submission
from serving.jobs.job import Job, State
from serving.jobs.repository import JobRepository
from serving.jobs.worker import Worker
from serving.store.store import Store, open_store

COURSE, WRONG = "course", ("lost", "doubled", "changed", "parked")
PACE = 0.02
"""Seconds that the model takes for a submission, where one worker is killed; see `--pace`."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=500)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 3, 0])
    parser.add_argument("--store", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pace", type=float, help="seconds a submission; long enough for all kills by default")
    parser.add_argument("--be-worker", metavar="NAME", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.be_worker:
        work(given.store[0], given.be_worker, given.submissions, given.pace)
        return
    runs = []
    for kind in given.store:
        for count in given.workers:
            with new_store(kind) as url:
                found = run(url, given.submissions, given.kills, count, given.seed, given.pace)
            runs.append({"store": kind.partition(":")[0], **found})
            print(json.dumps(runs[-1]), flush=True)  # noqa: T201
    sums = {name: sum(each[name] for each in runs) for name in (*WRONG, "kills", "kills_while_recovering", "seconds")}
    ok = all(each["ok"] for each in runs)
    print(json.dumps({"runs": len(runs), **sums, "ok": ok}))  # noqa: T201
    sys.exit(0 if ok else 1)


@contextmanager
def new_store(kind: str) -> Iterator[str]:
    """The URL of a store: `kind` itself, unless it is `sqlite` or `postgresql`."""
    if kind == "postgresql":
        with OwnPostgreSQL() as server:
            yield server.url
        return
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/store.db" if kind == "sqlite" else kind


def run(url: str, submissions: int, kills: int, count: int, seed: int, pace: float | None) -> dict[str, Any]:
    """One run's figures; `ok` is False where anything is wrong."""
    if count:
        # While one worker starts again, which takes some 3 s, the others go on.
        pace = pace or max(PACE, 4 * (count - 1) * kills / submissions)
        found = chaos(url, submissions, kills, count, seed, pace)
    else:
        kills = math.ceil(kills / 5)
        found = killed(url, made_up_lab(submissions), kills, seed)
    right = not any(found[name] for name in WRONG) and found["kills"] == kills
    return {**found, "ok": found["ok"] and right}


def made_up_lab(count: int) -> Lab:
    ratings = tuple(Rating(title=title, marks=marks) for title, marks in (("A", 2.0), ("B", 1.0), ("C", 0.0)))
    criteria = tuple(Criterion(title=f"Criterion {i}?", ratings=ratings) for i in range(3))
    submissions = tuple(
        Submission(student=f"s{i}", folder=f"s{i}", files=(SourceFile(path="a.c", text=f"int a = {i};\n"),))
        for i in range(count)
    )
    asked = "Write a."
    return Lab(
        name="chaos", problem=asked, short_problem=asked, language="C", criteria=criteria, submissions=submissions
    )


def expected(lab: Lab, submission: Submission) -> Grade:
    """The grade that a machine gives whose model is a hash."""
    source = dict.fromkeys(Provenance.model_fields, "0" * 64)
    source |= {"rubric_hash": rubric_hash(lab), "submission_hash": submission_hash(submission)}
    criteria = []
    for criterion in lab.criteria:
        number = int(canonical_hash([criterion.title, submission.files[0].text]), 16)
        shares = [1 + (number >> shift) % 97 for shift in (0, 8, 16)]
        titles = [rating.title for rating in criterion.ratings]
        probabilities = {title: share / sum(shares) for title, share in zip(titles, shares, strict=True)}
        rating = max(titles, key=probabilities.__getitem__)
        criteria.append(
            CriterionGrade(
                criterion=criterion.title,
                rating=rating,
                probabilities=probabilities,
                confidence=probabilities[rating],
                label_mass=1.0,
                marks=criterion.rating(rating).marks,
                max_marks=criterion.max_marks,
                status=Status.NEEDS_REVIEW,
            )
        )
    return Grade(lab=lab.name, student=submission.student, criteria=tuple(criteria), provenance=Provenance(**source))


class HashDesk:
    """A worker's desk whose lab is made up and whose model is a hash."""

    def __init__(self, store: Store, lab: Lab, pace: float) -> None:
        self.store, self.book, self._lab, self._pace = store, JobRepository(store.database), lab, pace

    def lab(self, job: Job) -> Lab:  # noqa: ARG002
        return self._lab

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        time.sleep(self._pace * len(submissions))
        return [expected(lab, submission) for submission in submissions]


def work(url: str, name: str, submissions: int, pace: float) -> None:
    store = open_store(url)
    worker = Worker(HashDesk(store, made_up_lab(submissions), pace), url, name, dead_seconds=5)
    worker.start()
    print("ready", flush=True)  # noqa: T201
    while True:
        time.sleep(1)


class Workers:
    """Worker processes by name, each started again when it is killed."""

    def __init__(self, url: str, submissions: int, count: int, pace: float) -> None:
        given = ["--store", url, "--submissions", str(submissions), "--pace", str(pace)]
        self._command = [sys.executable, __file__, *given, "--be-worker"]
        self._starting: set[str] = set()
        self.running = {name: self._start(name) for name in (f"worker-{i}" for i in range(count))}

    def _start(self, name: str) -> "subprocess.Popen[bytes]":
        self._starting.add(name)
        return subprocess.Popen([*self._command, name], stdout=subprocess.PIPE)

    def ready(self, name: str) -> None:
        """Returns once the worker says that it works."""
        if name in self._starting:
            out = self.running[name].stdout
            if out is None or out.readline() != b"ready\n":
                raise RuntimeError(f"{name} did not start")
            self._starting.remove(name)

    def kill(self, name: str) -> None:
        self.running[name].kill()
        self.running[name].wait()
        self.running[name] = self._start(name)

    def stop(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()


def chaos(url: str, submissions: int, kills: int, count: int, seed: int, pace: float) -> dict[str, Any]:
    """Runs the job, kills workers and counts what is wrong with the grades."""
    lab, chance = made_up_lab(submissions), random.Random(seed)
    store = open_store(url)
    book = JobRepository(store.database)
    job = book.add(COURSE, lab, actor="chaos")
    workers = Workers(url, submissions, count, pace)
    began = time.monotonic()
    try:
        for name in workers.running:
            workers.ready(name)
        killed_recovering = 0
        for number in range(kills):
            name = chance.choice(list(workers.running))
            if number % 5 == 4:
                killed_recovering += 1
                time.sleep(chance.uniform(0, 0.3))
            else:
                workers.ready(name)
                time.sleep(chance.uniform(0, 2 * submissions * PACE / max(kills, 1)))
            if book.progress(job.id).state is State.DONE:
                kills = number
                break
            workers.kill(name)
        while (progress := book.progress(job.id)).state is not State.DONE and time.monotonic() - began < 1200:
            time.sleep(0.2)
    finally:
        workers.stop()
    found = compared(store, lab, job)
    told = {"kills": kills, "kills_while_recovering": killed_recovering, "workers": count, "state": progress.state}
    verified = store.verify()
    ok = progress.state is State.DONE and not verified.faults
    return {
        **told,
        "submissions": submissions,
        **found,
        "parked": len(progress.parked),
        "ok": ok,
        "seconds": round(time.monotonic() - began, 1),
    }


def compared(store: Store, lab: Lab, job: Job) -> dict[str, int]:
    """How many grades are lost, doubled, or other than without a kill."""
    recorded = Counter(grade.student for grade in store.read_grades(job.id))
    grades = {stored.student: stored.grade for stored in store.read_grades(job.id)}
    changed = 0
    for submission in lab.submissions:
        pseudonym = store.pseudonym_for(job.course, submission.student, actor="chaos")
        right = expected(lab, submission.model_copy(update={"student": pseudonym, "folder": pseudonym}))
        changed += pseudonym in grades and grades[pseudonym] != right
    return {
        "lost": len(lab.submissions) - len(recorded),
        "doubled": sum(number - 1 for number in recorded.values()),
        "changed": changed,
    }


if __name__ == "__main__":
    main()
