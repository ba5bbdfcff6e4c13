"""Jobs that send the grades of a lab to a platform, as a person confirmed them after the dry run."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update

from labs_schema.frozen import Frozen
from serving.deliveries.tables import delivery_jobs
from serving.store.database import Database
from serving.store.errors import OtherBodyError, UnknownError
from serving.store.ledger import Detail, audited_transaction, printable_name, timestamp


class JobOptions(Frozen):
    """`overwrite`: pseudonyms of students whose value on the platform is replaced. `remap`: accept its new rubric."""

    include_review: bool = False
    scale: bool = False
    remap: bool = False
    overwrite: tuple[str, ...] = ()


class Outcome(Frozen):
    """The outcome for a student. `action` as planned, or `delivered`, `announced` (that it waits) or `failed`. `code`
    and `kind` are empty unless it failed or conflicts."""

    student: str
    action: str
    code: str = ""
    kind: str = ""
    message: str = ""


class JobOutcome(Outcome):
    """The outcome under the student's pseudonym, the only one that is stored."""


class NewJob(Frozen):
    """`address`: that of the assignment's page. `confirmed`: pseudonym -> revision of the record that was shown."""

    course: str
    lab: str
    platform: str
    address: str
    options: JobOptions
    confirmed: dict[str, str]


class DeliveryJob(NewJob):
    """`done` of the `total` students are settled. `failure`: the code of what ended the job, or of what interrupts it
    while it is not finished; None if nothing does."""

    id: str
    at: str
    actor: str
    total: int
    done: int
    finished_at: str | None
    failure: str | None
    outcomes: tuple[JobOutcome, ...]


class DeliveryJobs:
    """All methods raise StoreError. A finished job is not changed."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, job_id: str, new: NewJob, *, actor: str) -> DeliveryJob:
        """Creates a job, or returns the one with this id: a confirmation that is sent twice makes one.

        Raises OtherBodyError if the one with this id is another job.
        """
        same = select(delivery_jobs.c.id).where(delivery_jobs.c.id == job_id)
        with audited_transaction(self.database) as ledger:
            if ledger.connection.execute(same).first() is None:
                row = {**new.model_dump(mode="json"), "id": job_id, "at": ledger.at, "actor": printable_name(actor)}
                row |= {"total": len(new.confirmed), "done": 0, "outcomes": []}
                ledger.connection.execute(insert(delivery_jobs).values(row))
                named: Detail = {"id": job_id, "course": new.course, "lab": new.lab, "address": new.address}
                ledger.append("delivery-job", actor, named)
        job = self.read(job_id)
        if any(getattr(job, name) != getattr(new, name) for name in NewJob.model_fields):
            raise OtherBodyError(f"Delivery {job_id[:40]!r} exists with other contents. Use a new id.")
        return job

    def read(self, job_id: str) -> DeliveryJob:
        """Raises UnknownError."""
        with self.database.reading() as connection:
            found = connection.execute(select(delivery_jobs).where(delivery_jobs.c.id == job_id)).one_or_none()
        if found is None:
            raise UnknownError(f"There is no delivery {job_id[:40]!r}.")
        return DeliveryJob.model_validate(dict(found._mapping))

    def of_lab(self, course: str, lab: str, limit: int) -> list[DeliveryJob]:
        """The newest first."""
        mine = delivery_jobs.c.course == course, delivery_jobs.c.lab == lab
        query = select(delivery_jobs).where(*mine).order_by(delivery_jobs.c.at.desc(), delivery_jobs.c.id).limit(limit)
        with self.database.reading() as connection:
            return [DeliveryJob.model_validate(dict(row._mapping)) for row in connection.execute(query)]

    def unfinished(self) -> list[str]:
        """Ids, the oldest first."""
        query = select(delivery_jobs.c.id).where(delivery_jobs.c.finished_at.is_(None)).order_by(delivery_jobs.c.at)
        with self.database.reading() as connection:
            return [*connection.execute(query).scalars()]

    def progress(self, job_id: str, done: int) -> None:
        self._update(job_id, done=done, failure=None)

    def interrupt(self, job_id: str, failure: str) -> None:
        """The job is continued later."""
        self._update(job_id, failure=failure)

    def finish(self, job_id: str, outcomes: Sequence[JobOutcome], failure: str | None = None) -> None:
        written = [each.model_dump(mode="json") for each in outcomes]
        self._update(job_id, finished_at=timestamp(self.database.now()), failure=failure, outcomes=written)

    def _update(self, job_id: str, **values: Any) -> None:
        open_ = delivery_jobs.c.id == job_id, delivery_jobs.c.finished_at.is_(None)
        with self.database.writing() as connection:
            connection.execute(update(delivery_jobs).where(*open_).values(values))
