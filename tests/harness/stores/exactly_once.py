"""The check that nothing is lost or duplicated: each submission of a job, and each answered request, has one grade."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from sqlalchemy import func, select

from labs_schema.models import Lab
from serving.jobs.job import Job
from serving.jobs.repository import JobRepository
from serving.jobs.tables import jobs
from serving.store.store import Store
from serving.store.tables import grades
from tests.harness.clients import Answer
from tests.harness.courses.synthetic_lab import expected_grade


def job_faults(store: Store, job: Job, lab: Lab | None = None) -> dict[str, int]:
    """Counts lost and duplicated grades and parked submissions of a job.

    With the synthetic `lab` that it graded, also counts `changed` grades: those that differ from a run without faults.
    """
    recorded = [each for each in store.read_grades(job.id) if each.by_model]
    counts = Counter(each.student for each in recorded)
    faults = {
        "lost": job.total - len(counts),
        "duplicated": sum(count - 1 for count in counts.values()),
        "parked": len(JobRepository(store.database).progress(job.id).parked),
    }
    if lab is None:
        return faults
    stored, changed = {each.student: each.grade for each in recorded}, 0
    for submission in lab.submissions:
        pseudonym = store.pseudonym_for(job.course, submission.student, actor="test")
        right = expected_grade(lab, submission.model_copy(update={"student": pseudonym, "folder": pseudonym}))
        changed += pseudonym in stored and stored[pseudonym] != right
    return {**faults, "changed": changed}


def assert_exactly_once(store: Store, job: Job, lab: Lab | None = None) -> None:
    faults = job_faults(store, job, lab)
    assert not any(faults.values()), faults
    assert store.verify().faults == ()


def answer_faults(store: Store, answers: Sequence[Answer]) -> dict[str, int]:
    """`lost`: grades that were returned and are not in the store. `duplicated`: programs with two grades outside of
    jobs. `other_answers`: idempotency keys that got different answers."""
    given: dict[str, set[str]] = defaultdict(set)
    for answer in answers:
        if answer.status == 200:
            given[answer.key].add(answer.grade_id)
    of_jobs = select(jobs.c.id)
    twice = select(func.count()).where(grades.c.request.not_in(of_jobs)).group_by(grades.c.student, grades.c.submission)
    with store.database.reading() as connection:
        stored = set(connection.execute(select(grades.c.id)).scalars())
        duplicated = sum(count - 1 for count in connection.execute(twice).scalars())
    return {
        "answered": len(given),
        "lost": sum(grade_id not in stored for ids in given.values() for grade_id in ids),
        "duplicated": duplicated,
        "other_answers": sum(len(ids) - 1 for ids in given.values()),
    }


def all_jobs_faults(store: Store) -> dict[str, int]:
    """The sum of `job_faults` over all jobs, which are done."""
    found = [job_faults(store, job) for job in JobRepository(store.database).all()]
    names = ("lost", "duplicated", "parked")
    return {"jobs": len(found), **{f"jobs_{name}": sum(each[name] for each in found) for name in names}}
