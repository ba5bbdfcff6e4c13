"""A regrade that is typed at a terminal: a job that this process works on itself, as often as the command is typed.

No queue stands behind it: what is done and what waits is in the store, so the same command goes on where it was.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from labs_schema.errors import GraderError
from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.grading.retries import GradesLabs, asked_again
from serving.jobs.chunk import grade_chunk
from serving.jobs.job import Job, RequestedState
from serving.jobs.origin import pin
from serving.jobs.repository import JobRepository
from serving.store.store import Store

Tasks = Mapping[str, tuple[Job, Lab]]
"""The name of each lab -> its job."""


def job_to_do(
    store: Store, course: str, lab: Lab, known: Sequence[Job], origin: str | None, *, again: bool, actor: str
) -> Job:
    """The newest of the `known` jobs (`JobRepository.at_terminals`) graded with `origin`, or a new one; with `again`
    a new one too where that is finished. `origin` may be None where none of the `known` has a grade yet.

    Of two terminals that are at this at once, both get the job that the first one began."""
    book = JobRepository(store.database)
    same = [job for job in known if job.origin in (None, origin)]
    job = same[0] if same else None
    if job is None or (again and job.finished_at):
        ids = {each.id for each in known}
        job = book.add(course, lab, actor=actor, at_terminal=True, origin=origin, known=ids)
    if origin:
        pin(store.database, job.id, [origin])
    return book.job(job.id)


class CliBackend:
    """A model of this process at work on `lab`. `reasoning`: ask for the model's reasons too."""

    def __init__(self, store: Store, lab: Lab, grader: GradesLabs, *, reasoning: bool = False) -> None:
        self.store, self.book = store, JobRepository(store.database)
        self._lab, self._grader, self._reasoning = lab, grader, reasoning

    def lab(self, _: Job) -> Lab:
        return self._lab

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        ask = partial(self._grader.grade, lab, reasoning=self._reasoning)
        return [asked_again(ask, *pair) for pair in zip(submissions, ask(submissions), strict=True)]


def work(
    grader: GradesLabs, store: Store, tasks: Tasks, progress: Callable[[int], None], *, reasoning: bool = False
) -> None:
    """Settles what waits in the jobs, one after the other; `progress` is told how many of all submissions are settled.

    Raises GraderError where a person paused or cancelled a job, and what `grade_chunk` raises. What was done counts.
    """
    book = JobRepository(store.database)
    done = sum(settled(book, job) for job, _ in tasks.values())
    progress(done)
    for job, lab in tasks.values():
        desk = CliBackend(store, lab, grader, reasoning=reasoning)
        for number in range(job.chunks):
            expect_wanted(book, job)
            done += _settle(desk, job, number)
            progress(done)
        expect_wanted(book, job)


def expect_wanted(book: JobRepository, job: Job) -> None:
    """Raises GraderError where a person wished otherwise, through the service, if only for a moment: what was being
    graded then is left."""
    now = book.job(job.id)
    if now.wish is not RequestedState.RUN or now.round != job.round:
        what = "cancelled" if now.wish is RequestedState.CANCEL else "paused; the same command lets it go on"
        raise GraderError(f"The regrade of {job.lab} (job {job.id}) was {what}.")


def settled(book: JobRepository, job: Job) -> int:
    """Submissions that are graded or given up."""
    now = book.progress(job.id)
    return now.graded + len(now.parked)


def _settle(desk: CliBackend, job: Job, number: int) -> int:
    """How many submissions of the chunk it settled: to count those of the whole job each time would be quadratic."""
    book, members = desk.book, desk.book.members(job, number)
    before = book.settled(job.id, members)
    try:
        grade_chunk(desk, job.id, number)
    except KeyboardInterrupt:
        _blame_nobody(book, job, members)
        raise
    return len(book.settled(job.id, members)) - len(before)


def _blame_nobody(book: JobRepository, job: Job, members: Sequence[str]) -> None:
    """What was being graded together when a person stopped it is graded together again."""
    held = book.tries.of(job.id, members)
    book.tries.clear(job.id, [each for each in held if held[each].alone == held[each].failed == 0])
