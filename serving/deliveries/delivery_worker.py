"""Runs delivery jobs, in a thread of the service.

A job whose process ended is taken up again: its lock ends with the process, and sending reads before it writes.
"""

import itertools
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from labs_schema.errors import GraderError
from labs_schema.limits import DeliveryLimits
from serving.deliveries.delivery_jobs import DeliveryJob, DeliveryJobs, JobOutcome
from serving.deliveries.errors import DeliveryError, ErrorKind
from serving.deliveries.plan import DeliveryPlan, PlannedDelivery, ReleasePolicy
from serving.deliveries.platform import Platform
from serving.deliveries.sending import Sender, Source, StudentOutcome, is_open, not_confirmed
from serving.jobs.job_lock import job_lock
from serving.jobs.poller import Poller
from serving.store.errors import StoreError
from serving.store.store import Store

log = logging.getLogger("grader.deliveries")
LIMITS = DeliveryLimits()
BUSY = ("job-locked", "delivery-running")
"""Another process has the job, or sends to the same place: it is looked at again later."""


class DeliveryWorker(Poller):
    """`open_platform` gives the platform of a job. `clock`, in seconds, is replaced in tests.

    While a platform is not available, its jobs are tried again; what arrived before is not sent twice.
    """

    def __init__(
        self,
        store: Store,
        open_platform: Callable[[DeliveryJob], Platform],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("deliveries", poll_seconds=LIMITS.poll_seconds, stop_seconds=LIMITS.stop_seconds)
        self._store, self._open, self._clock = store, open_platform, clock
        self._jobs, self._retry_at = DeliveryJobs(store.database), dict[str, float]()

    def look(self) -> None:
        """Runs the jobs that are not finished, but those that wait for their platform."""
        for job_id in self._jobs.unfinished():
            if not self._stopping.is_set() and self._clock() >= self._retry_at.get(job_id, 0.0):
                self._run_job(job_id)

    def _run_job(self, job_id: str) -> None:
        try:
            with job_lock(self._store.database, [f"delivery-{job_id}"]):
                job = self._jobs.read(job_id)
                if job.finished_at is None:
                    self._run_locked(job)
        except StoreError:
            raise
        except GraderError as error:
            if error.code not in BUSY:
                self._jobs.finish(job_id, (), error.code)
        except Exception as error:  # only its kind: the text may name a student
            log.error("a delivery failed: %s", type(error).__name__)
            self._jobs.finish(job_id, (), "delivery-failed")

    def _run_locked(self, job: DeliveryJob) -> None:
        try:
            outcomes, outage = self._send(job), ""
        except DeliveryError as error:
            if error.kind is not ErrorKind.RETRY:
                raise
            outcomes, outage = [], error.code
        outage = outage or next((each.code for each in outcomes if each.kind == ErrorKind.RETRY), "")
        if outage and datetime.now(UTC) < datetime.fromisoformat(job.at) + timedelta(hours=LIMITS.outage_hours):
            self._jobs.interrupt(job.id, outage)
            self._retry_at[job.id] = self._clock() + LIMITS.outage_pause_seconds
        else:
            self._jobs.finish(job.id, outcomes, None if outcomes else outage or None)

    def _send(self, job: DeliveryJob) -> list[JobOutcome]:
        """The records that were confirmed are sent; one that has changed since is not."""
        platform = self._open(job)
        sender = Sender(self._store, platform, actor=job.actor)
        source, policy = Source(course=job.course, lab=job.lab), self._policy(job)
        plan = sender.plan(source, policy, remap=job.options.remap)
        rest = [each for each in plan.students if is_open(each) and not _is_confirmed(each, job)]
        confirmed = plan.model_copy(update={"students": tuple(each for each in plan.students if each not in rest)})
        done = itertools.count(1)
        outcomes = sender.send(source, confirmed, policy, lambda: self._progress(job, next(done)))
        return _by_pseudonym([*outcomes, *map(not_confirmed, rest)], plan)

    def _policy(self, job: DeliveryJob) -> ReleasePolicy:
        names = (self._store.read_student(each).student for each in job.options.overwrite)
        overwrite = frozenset(name for name in names if name is not None)
        return ReleasePolicy(include_review=job.options.include_review, scale=job.options.scale, overwrite=overwrite)

    def _progress(self, job: DeliveryJob, done: int) -> None:
        self._jobs.progress(job.id, min(done, job.total))


def _is_confirmed(planned: PlannedDelivery, job: DeliveryJob) -> bool:
    return job.confirmed.get(planned.record.pseudonym) == planned.record.revision


def _by_pseudonym(outcomes: list[StudentOutcome], plan: DeliveryPlan) -> list[JobOutcome]:
    pseudonyms = {each.student: each.record.pseudonym for each in plan.students}
    fields = {"action", "code", "kind", "message"}
    return [JobOutcome(student=pseudonyms[each.student], **each.model_dump(include=fields)) for each in outcomes]
