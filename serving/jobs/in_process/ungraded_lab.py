"""Adds submissions to the review before a model has graded them, so that people can rate them."""

from collections.abc import Collection

from labs_schema.models import Lab
from serving.grading.retries import all_ungraded
from serving.jobs.chunk import waiting_in
from serving.jobs.job import RequestedState
from serving.jobs.repository import JobRepository
from serving.store.store import Store

REASON = "No model has graded the submission yet."


def add_ungraded(store: Store, course: str, lab: Lab, folders: Collection[str], *, actor: str) -> int:
    """Records an ungraded grade of each submission in `folders` for all of its students; returns their number.

    The grades belong to a job, as those of a model do, which knows who worked together. It is cancelled before it has a
    grade: no worker may take it up, and no regrade may resume it.
    """
    part = lab.model_copy(
        update={
            "submissions": tuple(each for each in lab.submissions if each.folder in folders),
            "unreadable": tuple(each for each in lab.unreadable if each.folder in folders),
        }
    )
    if not part.students:
        return 0
    jobs = JobRepository(store.database)
    job = jobs.request(jobs.add(course, part, actor=actor, cli=True).id, RequestedState.CANCEL, actor=actor)
    for number in range(job.chunks):
        waiting = list(waiting_in(jobs, job, part, number).values())
        given = [all_ungraded(lab.name, each.student, lab.criteria, REASON) for each in waiting]
        store.record_grades(part, waiting, given, request=job.id, actor=actor)
    return job.total
