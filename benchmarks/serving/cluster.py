"""Measures the overhead of a regrade on a Ray cluster: grades per second, and peak memory of each process.

    .venv/bin/python -m benchmarks.serving.cluster [--submissions 10000] [--workers 2] [--seconds 0]
        [--address ray://...] [--store sqlite:////tmp/new.db]

Starts two local Ray workers, or uses those of the cluster at --address. Grades are synthetic and take --seconds per
submission; a lab has 1,000 programs of 2 kB, generated on demand. Memory is sampled four times a second; the job's only
if it runs on this machine. With --store, all labs are in memory and the grades are stored, as in `grader regrade`. The
last line is JSON.

Time: a minute. Figures: docs/measurements/scaling.md.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Event, Thread

import psutil
from ray import cloudpickle

from benchmarks.serving import scale
from benchmarks.serving.scale import synthetic_grade, synthetic_lab
from labs_schema.grades import Grade, Provenance
from labs_schema.hashes import rubric_hash
from labs_schema.models import Lab, Submission
from serving.cluster.ray_source import RaySource
from serving.jobs.in_process.sources import grade_from
from serving.jobs.repository import JobRepository
from serving.store.store import open_store

LAB = 1000


class SyntheticLabs:
    """A course that generates one lab at a time, as a reader of a folder does."""

    def __init__(self, submissions: int) -> None:
        self._sizes = [min(LAB, submissions - start) for start in range(0, submissions, LAB)]

    def __iter__(self) -> Iterator[Lab]:
        for i, size in enumerate(self._sizes):
            yield synthetic_lab(size).model_copy(update={"name": f"lab{i}"})


class SyntheticGrader:
    """A grader without a model; each grade takes `seconds`."""

    name, version, context_length = "synthetic", "1", 1000

    def __init__(self, seconds: float) -> None:
        self._seconds, self.engine = seconds, self

    def grade(self, lab: Lab, submissions: Sequence[Submission], *, reasoning: bool = False) -> list[Grade]:
        del reasoning
        time.sleep(self._seconds * len(submissions))
        rubric = rubric_hash(lab)
        return [synthetic_grade(lab, each, rubric) for each in submissions]

    def provenance(self, lab: Lab, submission: Submission, *, reasoning: bool = False) -> Provenance:
        return self.grade(lab, [submission], reasoning=reasoning)[0].provenance


def own(process: psutil.Process) -> int:
    """Bytes of memory without the object store, which all processes map."""
    used = process.memory_info()
    return int(used.rss - used.shared)


class Memory:
    """Peak memory of the driver, the job's process and the object store in bytes, sampled in a thread."""

    def __init__(self) -> None:
        self.most = {"driver": 0, "job": 0, "object_store": 0}
        self._driver, self._job, self._ended = psutil.Process(), None, Event()
        self._shared = shutil.disk_usage("/dev/shm").used
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def megabytes(self) -> dict[str, int]:
        return {name: round(used / 1e6) for name, used in self.most.items()}

    def _watch(self) -> None:
        while not self._ended.wait(0.25):
            now = {"driver": own(self._driver), "job": self._of_job()}
            now["object_store"] = shutil.disk_usage("/dev/shm").used - self._shared
            self.most = {name: max(most, now[name]) for name, most in self.most.items()}

    def _of_job(self) -> int:
        try:
            if self._job is None:
                children = self._driver.children(recursive=True)
                self._job = next((each for each in children if each.name().startswith("ray::RayJob")), None)
            return own(self._job) if self._job else 0
        except psutil.Error:
            return 0


def store_grades(source: RaySource, labs: Sequence[Lab], url: str, progress: Callable[[int], None]) -> None:
    """Does what `grader regrade` does: one job per lab, all labs in memory, each grade stored as it arrives."""
    store = open_store(url)
    jobs = [JobRepository(store.database).add("bench", lab, actor="bench", cli=True) for lab in labs]
    grade_from(source, store, {lab.name: (job, lab) for job, lab in zip(jobs, labs, strict=True)}, progress)
    store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--address", default="local")
    parser.add_argument("--store")
    chosen = parser.parse_args()
    cloudpickle.register_pickle_by_value(scale)  # other machines may not have this module
    source = RaySource(partial(SyntheticGrader, chosen.seconds), address=chosen.address, workers=chosen.workers)
    memory, started, half, first, done = Memory(), time.monotonic(), dict[str, int](), 0.0, 0

    def progress(now: int) -> None:
        nonlocal half, first, done
        done, first = now, first or (time.monotonic() if now else 0.0)
        if not half and done > chosen.submissions / 2:
            half = memory.megabytes()

    labs = SyntheticLabs(chosen.submissions)
    if chosen.store:
        store_grades(source, list(labs), chosen.store, progress)
    else:
        for grades in source.grades(labs):
            progress(done + len(grades))
    ended = time.monotonic()
    memory.stop()
    found = {
        "submissions": done,
        "seconds_to_first": round(first - started, 1),
        "grades_a_second": round(done / (ended - first)),
        "most_mb_at_half": half,
        "most_mb": memory.megabytes(),
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
