"""Jobs of `grader regrade`, which grades them in its own process; rerunning the command resumes them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from labs_schema.errors import GraderError
from labs_schema.models import NO_SUBMISSION, Lab, Submission
from serving.grading.retries import GradesLabs, Outcome, grade_isolated
from serving.jobs.chunk import grade_chunk
from serving.jobs.fingerprint import pin_fingerprint
from serving.jobs.job import Job, RequestedState
from serving.jobs.repository import JobRepository
from serving.store.store import Store

Tasks = Mapping[str, tuple[Job, Lab]]
"""The name of each lab -> its job."""


def find_or_create(
    store: Store, course: str, lab: Lab, known: Sequence[Job], fingerprint: str | None, *, again: bool, actor: str
) -> Job:
    """The newest of the `known` jobs (`JobRepository.cli_jobs`) with this `fingerprint`, or a new job.

    `again`: a new job even if that one is finished. `fingerprint` may be None if none of the `known` has a grade yet.
    Two terminals that call this at the same time get the same job.
    """
    jobs = JobRepository(store.database)
    same = [job for job in known if job.fingerprint in (None, fingerprint)]
    job = same[0] if same else None
    if job is None or (again and job.finished_at):
        ids = {each.id for each in known}
        job = jobs.add(course, lab, actor=actor, cli=True, fingerprint=fingerprint, known=ids)
    elif any(each.code == NO_SUBMISSION for each in lab.unreadable):
        job = jobs.add_absent(job, lab, actor=actor)
    if fingerprint:
        pin_fingerprint(store.database, job.id, [fingerprint])
    return jobs.job(job.id)


class CliBackend:
    """Grades `lab` with a model in this process. `reasoning`: also ask for the model's reasons."""

    def __init__(self, store: Store, lab: Lab, grader: GradesLabs, *, reasoning: bool = False) -> None:
        self.store, self.jobs = store, JobRepository(store.database)
        self._lab, self._grader, self._reasoning = lab, grader, reasoning

    def lab(self, _: Job) -> Lab:
        return self._lab

    def observe(self, _: Job, submissions: Sequence[Submission]) -> list[Submission]:
        """The submissions with the observations that `grader observe` has written into the lab."""
        return [*submissions]

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Outcome]:
        return grade_isolated(partial(self._grader.grade, lab, reasoning=self._reasoning), submissions)


def grade_jobs(
    grader: GradesLabs, store: Store, tasks: Tasks, progress: Callable[[int], None], *, reasoning: bool = False
) -> None:
    """Grades what is left of the jobs, one after the other. Calls `progress` with the number of settled submissions.

    Raises GraderError if a person pauses or cancels a job, and what `grade_chunk` raises; results up to then are
    stored.
    """
    jobs = JobRepository(store.database)
    done = sum(count_settled(jobs, job) for job, _ in tasks.values())
    progress(done)
    for job, lab in tasks.values():
        backend = CliBackend(store, lab, grader, reasoning=reasoning)
        for number in range(job.chunks):
            check_requested(jobs, job)
            done += _grade_chunk(backend, job, number)
            progress(done)
        check_requested(jobs, job)


def check_requested(jobs: JobRepository, job: Job) -> None:
    """Raises GraderError if a person has paused or cancelled the job, even if it was resumed since: the chunk that was
    being graded then is incomplete."""
    now = jobs.job(job.id)
    if now.requested is not RequestedState.RUN or now.generation != job.generation:
        cancelled = now.requested is RequestedState.CANCEL
        what = "cancelled" if cancelled else "paused; rerun the command to resume it"
        raise GraderError(f"The regrade of {job.lab} (job {job.id}) was {what}.", code="job-stopped")


def count_settled(jobs: JobRepository, job: Job) -> int:
    """The number of students with a grade or the reason why they have none."""
    now = jobs.progress(job.id)
    return now.graded + len(now.parked)


def _grade_chunk(backend: CliBackend, job: Job, number: int) -> int:
    """The number of submissions it settled. Counting those of the complete job each time would be quadratic."""
    jobs, members = backend.jobs, backend.jobs.members(job, number)
    before = jobs.settled(job.id, members)
    try:
        grade_chunk(backend, job.id, number)
    except KeyboardInterrupt:
        _forget_batch(jobs, job, members)
        raise
    return len(jobs.settled(job.id, members)) - len(before)


def _forget_batch(jobs: JobRepository, job: Job, members: Sequence[str]) -> None:
    """A batch that the user interrupted is graded as a batch again."""
    found = jobs.attempts.of(job.id, members)
    jobs.attempts.clear(job.id, [each for each in found if found[each].failures == found[each].crashes == 0])
