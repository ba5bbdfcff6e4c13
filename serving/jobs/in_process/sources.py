"""Stores the grades of jobs as another source yields them, such as a Ray cluster."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from labs_schema.errors import GraderError
from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.grading.retries import PROBE
from serving.jobs.chunk import for_members, one_of_each_group, record_graded, waiting_in
from serving.jobs.fingerprint import fingerprint_of
from serving.jobs.in_process.cli_jobs import Tasks, check_requested, count_settled
from serving.jobs.job import Job
from serving.jobs.repository import JobRepository
from serving.store.store import Store


class GradeSource(Protocol):
    def grades(self, labs: Sequence[Lab]) -> Iterator[list[Grade]]:
        """Yields a grade for every submission of `labs` (with different names), in any order, as they finish.

        Raises EngineDownError and other GraderErrors; what it has yielded before counts.
        """
        ...


def fingerprint_from(source: GradeSource, lab: Lab) -> str:
    """The fingerprint that grades of `lab` from `source` would have; found by grading a harmless program."""
    found = [grade.origin for grades in source.grades([_without_people(lab, [PROBE])]) for grade in grades]
    return fingerprint_of(found[0])


def grade_from(source: GradeSource, store: Store, tasks: Tasks, progress: Callable[[int], None]) -> None:
    """Requests what is left of the jobs and stores the grades as they come.

    `source` gets pseudonyms, never student ids or the TAs' ratings. Calls `progress` with the number of settled
    submissions. Raises OtherModelError for grades with another fingerprint than the job's, GraderError if a person
    pauses or cancels a job or a grade is missing, and what `source` raises.
    """
    jobs = JobRepository(store.database)
    done = sum(count_settled(jobs, job) for job, _ in tasks.values())
    progress(done)
    left = {name: _waiting(jobs, job, lab) for name, (job, lab) in tasks.items()}
    groups = {name: one_of_each_group(left[name].values()) for name in tasks}
    folders = {(name, each.student): each.folder for name, members in groups.items() for each in members}
    requested = [_without_people(lab, groups[name]) for name, (_, lab) in tasks.items() if groups[name]]
    for grades in source.grades(requested) if requested else ():
        for name in dict.fromkeys(grade.lab for grade in grades):
            job, lab = tasks[name]
            graded = {folders[name, each.student]: each for each in grades if each.lab == name}
            fresh = for_members(graded, left[name].values())
            record_graded(store, job, lab, fresh)
            for each, _ in fresh:
                del left[name][each.student]
            check_requested(jobs, job)
            done += len(fresh)  # counted here: the store would count all grades of the job for every block
        progress(done)
    if missing := sum(map(len, left.values())):
        raise GraderError(
            f"{missing} submissions came back without a grade. Rerun the command to grade them.", code="grades-missing"
        )


def _waiting(jobs: JobRepository, job: Job, lab: Lab) -> dict[str, Submission]:
    parts = (waiting_in(jobs, job, lab, number) for number in range(job.chunks))
    return {pseudonym: submission for part in parts for pseudonym, submission in part.items()}


def _without_people(lab: Lab, submissions: Sequence[Submission]) -> Lab:
    without = {"unreadable": (), "human_grades": (), "rater_grades": ()}
    return lab.model_copy(update={**without, "submissions": tuple(submissions)})
