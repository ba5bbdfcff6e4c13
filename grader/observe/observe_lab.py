"""Builds, runs and tests every submission of a lab, in parallel, and writes `observations.jsonl`."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

from labs_schema.checks.models import Checks, checks_hash
from labs_schema.checks.reading import load_checks
from labs_schema.errors import GraderError
from labs_schema.hashes import files_hash
from labs_schema.models import Lab, Submission
from labs_schema.observations import SubmissionObservations
from labs_schema.reading.observations_file import load_observations, write_observations
from labs_schema.reading.validate import load_lab
from serving.observing.isolation.probe import working_sandbox
from serving.observing.isolation.toolchain_files import is_visible
from serving.observing.observation_cache import ObservationCache
from serving.observing.observer import Observer
from serving.observing.tool_versions import tool_versions
from serving.observing.toolchains import find_toolchain
from serving.observing.validating import build_validator

OBSERVED = "observe"
"""The source of observations that were made here."""


class ObservedLab(NamedTuple):
    """`cached`: how many of the submissions were not run again. `unreadable`: students without a program."""

    checks: Checks
    observations: dict[str, SubmissionObservations]
    cached: int
    unreadable: int


def observe_lab(
    folder: Path,
    workers: int | None = None,
    *,
    again: bool = False,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> ObservedLab:
    """Observes what is not in the cache, then replaces the lab's `observations.jsonl`.

    `again` ignores the cache. Killed at any time, it continues where it was: each finished submission is in the cache.
    Lines of other sources stay if their students have no program here. Raises InputError and GraderError.
    """
    lab, checks = load_lab(folder), load_checks(folder)
    observer = make_observer(folder, lab, checks)
    cache = ObservationCache(observer.toolchain.language, checks_hash(checks), observer.tools)
    by_hash = {files_hash(each): each for each in lab.submissions}  # identical submissions are run once
    found = {} if again else {key: stored for key in by_hash if (stored := cache.read(key))}
    cached = sum(files_hash(each) in found for each in lab.submissions)
    progress(len(found), len(by_hash))
    missing = [each for key, each in by_hash.items() if key not in found]
    for observed in _observed(missing, observer, workers or usable_cores()):
        cache.write(observed)
        found[observed.submission] = observed
        progress(len(found), len(by_hash))
    own = {each.student: found[files_hash(each)] for each in lab.submissions}
    others = {name: each for name, each in load_observations(folder).items() if each.source != OBSERVED}
    write_observations(others | own, folder)
    return ObservedLab(checks, own, cached, len(lab.unreadable))


def make_observer(folder: Path, lab: Lab, checks: Checks) -> Observer:
    """Raises GraderError if the lab's programs cannot be run here, and SandboxError."""
    if is_visible(folder):
        raise GraderError(
            f"{folder} is below /usr, which programs in the sandbox can read. Move the lab.", code="lab-in-toolchain"
        )
    toolchain = find_toolchain(checks.build.language or lab.language)
    sandbox = working_sandbox()
    validator = build_validator(checks.validator, sandbox) if checks.validator else None
    versions = tool_versions(toolchain, sandbox, checks, validator)
    return Observer(checks, toolchain, sandbox, versions, validator)


def usable_cores() -> int:
    return len(os.sched_getaffinity(0))


def _observed(submissions: Sequence[Submission], observer: Observer, workers: int) -> Iterator[SubmissionObservations]:
    """Yields each one as it is finished. An error cancels the waiting runs, after those that have started have
    ended."""
    with ThreadPoolExecutor(workers, "observe") as pool:
        running: set[Future[SubmissionObservations]] = {pool.submit(observer.observe, each) for each in submissions}
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (each.result() for each in done)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
