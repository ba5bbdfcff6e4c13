"""What a regrade on a Ray cluster costs besides the model: grades a second, and whose memory grows with the work.

    .venv/bin/python benchmarks/bench_cluster.py [--submissions 10000] [--workers 2] [--seconds 0]
        [--address ray://...] [--store sqlite:////tmp/new.db]

Two local workers (it starts Ray and stops it), or those of a cluster, with made-up grades that take `--seconds` a
submission; 1,000 programs of 2 kB a lab, made when they are asked for. Memory is sampled four times a second; that of
the job only where it runs on this machine. With a --store, which may be filled with made-up students, the labs are all
in memory and the grades go into the store, as with `grader regrade`. The last line is JSON.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Event, Thread

import bench_scale
import psutil
from bench_scale import made_grade, made_lab
from ray import cloudpickle

from labs_schema.grades import Grade, Provenance
from labs_schema.hashes import rubric_hash
from labs_schema.models import Lab, Submission
from serving.cluster.ray_source import RaySource
from serving.jobs.repository import JobRepository
from serving.jobs.sources import grade_from
from serving.store.store import open_store

LAB = 1000


class MadeLabs:
    """As a course on a disk: a lab is there only while it is looked at."""

    def __init__(self, submissions: int) -> None:
        self._sizes = [min(LAB, submissions - start) for start in range(0, submissions, LAB)]

    def __iter__(self) -> Iterator[Lab]:
        for i, size in enumerate(self._sizes):
            yield made_lab(size).model_copy(update={"name": f"lab{i}"})


class MadeGrades:
    """A grader without a model, whose every grade takes as long."""

    name, version, context_length = "made", "1", 1000

    def __init__(self, seconds: float) -> None:
        self._seconds, self.engine = seconds, self

    def grade(self, lab: Lab, submissions: Sequence[Submission], *, reasoning: bool = False) -> list[Grade]:
        del reasoning
        time.sleep(self._seconds * len(submissions))
        rubric = rubric_hash(lab)
        return [made_grade(lab, each, rubric) for each in submissions]

    def provenance(self, lab: Lab, submission: Submission, *, reasoning: bool = False) -> Provenance:
        return self.grade(lab, [submission], reasoning=reasoning)[0].provenance


def own(process: psutil.Process) -> int:
    """Bytes in memory, without those of the object store, which all processes map."""
    held = process.memory_info()
    return int(held.rss - held.shared)


class Memory:
    """The most that the driver, the job's process and the object store held, in bytes; sampled in a thread."""

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
        return {name: round(held / 1e6) for name, held in self.most.items()}

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


def keep(source: RaySource, labs: Sequence[Lab], url: str, progress: Callable[[int], None]) -> None:
    """As `grader regrade` does: a job a lab in the store, all labs in memory, grades kept as they come."""
    store = open_store(url)
    begun = [JobRepository(store.database).add("bench", lab, actor="bench", at_terminal=True) for lab in labs]
    grade_from(source, store, {lab.name: (job, lab) for job, lab in zip(begun, labs, strict=True)}, progress)
    store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--address", default="local")
    parser.add_argument("--store")
    chosen = parser.parse_args()
    cloudpickle.register_pickle_by_value(bench_scale)  # the cluster's machines need not have it
    source = RaySource(partial(MadeGrades, chosen.seconds), address=chosen.address, workers=chosen.workers)
    memory, begun, half, first, done = Memory(), time.monotonic(), dict[str, int](), 0.0, 0

    def progress(now: int) -> None:
        nonlocal half, first, done
        done, first = now, first or (time.monotonic() if now else 0.0)
        if not half and done > chosen.submissions / 2:
            half = memory.megabytes()

    labs = MadeLabs(chosen.submissions)
    if chosen.store:
        keep(source, list(labs), chosen.store, progress)
    else:
        for grades in source.grades(labs):
            progress(done + len(grades))
    ended = time.monotonic()
    memory.stop()
    found = {
        "submissions": done,
        "seconds_to_first": round(first - begun, 1),
        "grades_a_second": round(done / (ended - first)),
        "most_mb_at_half": half,
        "most_mb": memory.megabytes(),
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
