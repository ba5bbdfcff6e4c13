"""Runs the checks of submissions that the service and its workers wait for, in a process of its own."""

import socket
import threading
from functools import lru_cache
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from grader.observe.observe_lab import make_observer, usable_cores
from grader.service.courses import default_course, read_labs
from grader.service.local_store import local_store
from grader.service.worker import wait_for_sigterm
from grader.terminal import show
from labs_schema.checks.models import checks_hash
from labs_schema.checks.reading import load_checks
from labs_schema.errors import GraderError
from labs_schema.hashes import files_hash
from labs_schema.limits import ObserverLimits
from labs_schema.models import Submission
from labs_schema.observations import SubmissionObservations
from labs_schema.reading.validate import load_rubric
from serving.courses.course_registry import CourseRegistry
from serving.courses.served import Courses, OneCourse, RegisteredCourses, find_lab_folder, labs_of
from serving.observer.queue import ObservationQueue, Work
from serving.observer.worker import ObserverWorker
from serving.observing.isolation.probe import working_sandbox
from serving.observing.observation_cache import ObservationCache
from serving.observing.observer import Observer
from serving.store.store import Store


def run_observer(labs: Path | None, course: str | None, name: str | None, threads: int | None) -> None:
    """Runs checks until SIGINT or SIGTERM.

    Raises GraderError if the store or the labs cannot be used, and SandboxError without a working sandbox, also later.
    """
    screen = Console(stderr=True, highlight=False, soft_wrap=True)
    if course and labs is None:
        raise GraderError("--course requires --labs, the folder of its labs.", code="missing-option")
    working_sandbox()
    with local_store() as store:
        if labs is None:
            courses: Courses = RegisteredCourses(CourseRegistry(store.database))
        else:
            courses = OneCourse(course or default_course(labs), read_labs(labs, screen), labs)
        observer = start_observer(store, courses, name or socket.gethostname(), threads or usable_cores())
        served = ", ".join(courses.folders()) or "no course yet"
        screen.print(f"running checks of {escape(served)} as [bold]{escape(observer.name)}[/]; stop with Ctrl-C")
        show({"observer": observer.name, "courses": list(courses.folders())})
        wait_for_sigterm(observer.stopping)
        observer.stop()
        if observer.failure:
            raise observer.failure


def start_observer(store: Store, courses: Courses, name: str, threads: int) -> ObserverWorker:
    queue = ObservationQueue(store.database)
    observer = ObserverWorker(queue, ReadyObservers(courses), courses.folders, name=name, threads=threads)
    observer.start()
    return observer


class ReadyObservers:
    """The observers of the labs used last: a lab's toolchain is checked and its validator built once. Thread-safe."""

    def __init__(self, courses: Courses) -> None:
        self._courses, self._lock = courses, threading.Lock()
        self._ready = lru_cache(maxsize=ObserverLimits().observers)(self._open)

    def __call__(self, work: Work) -> "CachedObserver":
        """Raises GraderError if the lab is not here, has other checks here, or cannot be observed."""
        with self._lock:
            return self._ready(work.course, work.lab, work.checks)

    def _open(self, course: str, lab: str, expected: str) -> "CachedObserver":
        folder = find_lab_folder(labs_of(self._courses)(course), lab)
        if folder is None:
            raise GraderError(f"This observer has no lab {lab!r}.", code="job-lab-missing")
        checks = load_checks(folder)
        if checks_hash(checks) != expected:
            raise GraderError(f"The checks of {lab!r} have changed in the meantime.", code="checks-changed")
        return CachedObserver(make_observer(folder, load_rubric(folder), checks))


class CachedObserver:
    """An observer and the cache that it shares with `grader observe`: what ran before a kill is not run again."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        checks = checks_hash(observer.checks)
        self._cache = ObservationCache(observer.toolchain.language, checks, observer.tools)

    def observe(self, submission: Submission) -> SubmissionObservations:
        """Raises SandboxError."""
        if (found := self._cache.read(files_hash(submission))) is None:
            found = self._observer.observe(submission)
            self._cache.write(found)
        return found
