"""Jobs as durable workflows (DBOS): a workflow a round of a job, in it a queued workflow a chunk, a step each.

A chunk needs a worker that grades its course, and waits in that course's queue (`serving.jobs.queues`). A round only
fills the queue and waits, in whichever process.

The queue only says what is to be called again, by job and number: what a call has done already is in the store, so a
call that comes twice changes nothing, and a lost queue is filled again from the book (`Worker`).
"""

from collections import defaultdict
from collections.abc import Sequence, Set

from dbos import DBOS, SetWorkflowID, WorkflowStatus
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from serving.courses.errors import ElsewhereError
from serving.jobs.chunk import NOBODYS_FAULT, grade_chunk
from serving.jobs.errors import LabChangedError, NoLabError, OtherModelError
from serving.jobs.job import Job, State
from serving.jobs.queues import POLL_SECONDS, queue_of
from serving.jobs.repository import JobRepository
from serving.jobs.worker_state import WorkerState, desk, held, rest

CHUNK = "chunk"
ALWAYS = 1_000_000
"""How often a workflow may be recovered: a job is not given up because its machine was killed often."""
PATIENCE_SECONDS, LONGEST_PAUSE = 60.0, 10.0
"""How long a chunk is tried before the worker turns to another, and the longest pause between two tries."""
DOWN, OVER = "down", "over"
"""DOWN: why a chunk was left where neither submissions nor lab are to blame: the round is begun again by itself."""
GOING_ON = ("PENDING", "ENQUEUED", "DELAYED")
ENDED = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
AWAY = ("OperationalError", "InterfaceError", "TimeoutError")
"""SQLAlchemy's errors for a database that cannot be reached."""


@DBOS.step(name="grade_chunk")
def _grade(job_id: str, number: int) -> str | None:
    """None once the chunk is settled. Of what kept it from that only the kind is told: a text may name students."""
    tries = Retrying(
        retry=retry_if_exception(_passing),
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_exponential(multiplier=0.5, max=LONGEST_PAUSE),
        sleep=rest,
        reraise=True,
    )
    try:
        tries(_settle, job_id, number)
    except NOBODYS_FAULT:
        return DOWN
    except Exception as error:
        return type(error).__name__
    return None


def _passing(error: BaseException) -> bool:
    return isinstance(error, Exception) and not isinstance(error, ElsewhereError)


def _settle(job_id: str, number: int) -> None:
    here = desk()
    job = here.book.job(job_id)
    try:
        grade_chunk(here, job_id, number)
    except NoLabError as error:
        _leave(here.book, job_id, str(error))
        raise
    except (LabChangedError, OtherModelError) as error:
        here.book.finish(job, str(error))


def _leave(book: JobRepository, job_id: str, why: str) -> None:
    """Leaves a job without its lab to the course's other workers. The job fails once nobody got on with it for as long
    as anything else is tried, and none of them is at something that it may wait behind."""
    now = book.progress(job_id)
    if now.state not in (State.QUEUED, State.RUNNING):
        return
    queue = queue_of(now.job.course)
    if _others_at(queue):
        WorkerState.lacking.forget(job_id)
    elif WorkerState.lacking.seconds(job_id, now.graded + len(now.parked)) >= PATIENCE_SECONDS:
        WorkerState.lacking.forget(job_id)
        book.finish(now.job, why)
        return
    WorkerState.ears.rest(queue, min(LONGEST_PAUSE, PATIENCE_SECONDS))


def _others_at(queue: str) -> bool:
    at = DBOS.list_workflows(queue_name=queue, status="PENDING", load_input=False, load_output=False)
    return any(each.workflow_id not in WorkerState.holding for each in at)


@DBOS.workflow(name=CHUNK, max_recovery_attempts=ALWAYS)
def _chunk(job_id: str, number: int) -> str | None:
    with held():
        return _grade(job_id, number)


@DBOS.step(name="failures")
def _failures(round_id: str) -> list[str]:
    """Waits until no chunk is left; why some were not settled. DBOS's own wait would outlast the worker."""
    while _chunks(round_id, GOING_ON, limit=1):
        rest(POLL_SECONDS)
    ended = [_ended(each) for each in _chunks(round_id, ENDED, outputs=True)]
    return [kind for kind in ended if kind]


def _ended(workflow: WorkflowStatus) -> str | None:
    """None where a workflow came to its end, DOWN where it broke off as its database was away, else a kind."""
    if workflow.status == "SUCCESS":
        return workflow.output
    return DOWN if getattr(workflow.error, "name", None) in AWAY else workflow.status


def _chunks(
    round_id: str, states: Sequence[str], *, limit: int | None = None, outputs: bool = False
) -> list[WorkflowStatus]:
    return DBOS.list_workflows(
        parent_workflow_id=round_id, status=list(states), limit=limit, load_input=False, load_output=outputs
    )


@DBOS.step(name="finish", retries_allowed=True, max_attempts=12, interval_seconds=0.5)
def _finish(job_id: str, round_: int, failures: list[str]) -> None:
    book = desk().book
    job = book.job(job_id).model_copy(update={"round": round_})
    if failures and set(failures) == {DOWN}:
        book.begin_again(job)
        return
    kinds = ", ".join(sorted(set(failures)))
    told = f"{len(failures)} of {job.chunks} parts could not be worked on ({kinds}); resume the job"
    book.finish(job, told if failures else None)


@DBOS.workflow(name="job", max_recovery_attempts=ALWAYS)
def _round(job_id: str, round_: int, chunks: int, queue: str) -> None:
    with held():
        for number in range(chunks):
            with SetWorkflowID(f"{job_id}.{round_}.{number}"):
                DBOS.enqueue_workflow(queue, _chunk, job_id, number)
        _finish(job_id, round_, _failures(f"{job_id}.{round_}"))


def start(job: Job) -> str | None:
    """Lets the job's round be worked on, by whichever worker of its course comes first, this one among them; a second
    start of a round changes nothing.

    None as long as the queue goes on with it; else DOWN where it broke off as its database was away, or `OVER`.
    """
    queue = queue_of(job.course)
    WorkerState.ears.open(queue)
    with SetWorkflowID(f"{job.id}.{job.round}"):
        found = DBOS.start_workflow(_round, job.id, job.round, job.chunks, queue).get_status()
    return None if found.status in GOING_ON else _ended(found) or OVER


def listen(working: Set[str], resting: Set[str]) -> None:
    """Takes chunks of the courses that have jobs, `working`, and of the `resting` ones as long as chunks are left there
    of jobs that somebody stopped; of no others."""
    queues = {queue_of(course) for course in working}
    others = {queue_of(course) for course in resting} - queues
    WorkerState.ears.only(queues | {queue for queue in others if _waits(queue)})


def _waits(queue: str) -> bool:
    return bool(
        DBOS.list_workflows(queue_name=queue, status=list(GOING_ON), limit=1, load_input=False, load_output=False)
    )


def take_over(process: str, living: set[str]) -> None:
    """Puts back into its queue what was being done by a worker that is not among the `living`, and what this `process`
    has dropped, as DBOS does with a workflow whose outcome it cannot write down."""
    pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
    mine = {each.workflow_id for each in pending if each.executor_id == process}
    missed = mine - WorkerState.holding
    dropped, WorkerState.missed = missed & WorkerState.missed, missed
    lost = [each for each in pending if each.executor_id not in living or each.workflow_id in dropped]
    by_queue: dict[str | None, list[str]] = defaultdict(list)
    for each in lost:  # a round goes into DBOS's own queue, not behind the chunks that it waits for
        by_queue[each.queue_name if each.name == CHUNK else None].append(each.workflow_id)
    for queue, names in by_queue.items():
        DBOS.resume_workflows(names, queue_name=queue)
