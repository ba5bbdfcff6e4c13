"""Grades for jobs from anywhere that sends them as they come, such as a cluster. Knows no model and no queue."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from labs_schema.errors import GraderError
from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.jobs.chunk import HARMLESS, waiting_in
from serving.jobs.cli_jobs import Tasks, expect_wanted, settled
from serving.jobs.job import Job
from serving.jobs.origin import origin_of, pin
from serving.jobs.repository import JobRepository
from serving.store.store import Store


class GradeSource(Protocol):
    def grades(self, labs: Sequence[Lab]) -> Iterator[list[Grade]]:
        """A grade for every submission of `labs` (of unlike names), in any order, as they come.

        Raises EngineDownError and other GraderErrors; what it yielded before counts.
        """
        ...


def origin_from(source: GradeSource, lab: Lab) -> str:
    """What `source` would grade `lab` with; it is asked for a grade of a harmless program."""
    found = [origin_of(grade.provenance) for grades in source.grades([_bare(lab, [HARMLESS])]) for grade in grades]
    return found[0]


def take(source: GradeSource, store: Store, tasks: Tasks, progress: Callable[[int], None]) -> None:
    """Asks `source` for what waits in the jobs and keeps the grades as they come.

    It is sent pseudonyms, never a student's id or what the TAs gave. `progress` is told how many submissions are
    settled. Raises OtherModelError for grades of another model than a job has, GraderError where a person paused or
    cancelled one or a grade never came, and what `source` raises.
    """
    book = JobRepository(store.database)
    done = sum(settled(book, job) for job, _ in tasks.values())
    progress(done)
    left = {name: _waiting(book, job, lab) for name, (job, lab) in tasks.items()}
    asked = [_bare(lab, list(left[name].values())) for name, (_, lab) in tasks.items() if left[name]]
    for grades in source.grades(asked) if asked else ():
        for name in dict.fromkeys(grade.lab for grade in grades):
            job, lab = tasks[name]
            fresh = {grade.student: grade for grade in grades if grade.lab == name and grade.student in left[name]}
            submissions = [left[name].pop(pseudonym) for pseudonym in fresh]
            pin(store.database, job.id, [origin_of(grade.provenance) for grade in fresh.values()])
            store.record_grades(lab, submissions, list(fresh.values()), request=job.id, actor=f"job {job.id}")
            book.tries.clear(job.id, list(fresh))
            expect_wanted(book, job)
            done += len(fresh)  # counted here: the store would count all of a job's grades for every block
        progress(done)
    if missing := sum(map(len, left.values())):
        raise GraderError(f"No grade came for {missing} submissions. The same command asks for them again.")


def _waiting(book: JobRepository, job: Job, lab: Lab) -> dict[str, Submission]:
    parts = (waiting_in(book, job, lab, number) for number in range(job.chunks))
    return {pseudonym: submission for part in parts for pseudonym, submission in part.items()}


def _bare(lab: Lab, submissions: Sequence[Submission]) -> Lab:
    return lab.model_copy(update={"submissions": tuple(submissions), "human_grades": (), "rater_grades": ()})
