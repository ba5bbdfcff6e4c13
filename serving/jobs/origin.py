"""What all grades of a job have in common: model, wording, settings, engine and version. A job never mixes them."""

import json
from collections.abc import Iterable

from sqlalchemy import select, update

from labs_schema.grades import Provenance
from labs_schema.hashes import canonical_json
from serving.jobs.errors import OtherModelError
from serving.jobs.tables import jobs
from serving.store.database import Database

OF_THE_WORK = {"rubric_hash", "submission_hash"}
SHOWN = 12
"""Characters of a hash."""


def origin_of(source: Provenance) -> str:
    """All of it but what belongs to the work that is graded, as canonical JSON: field -> name or hash."""
    return canonical_json(source.model_dump(exclude=OF_THE_WORK))


def pin(database: Database, job_id: str, origins: Iterable[str]) -> None:
    """The first grades of a job decide what its grades are given with.

    Raises OtherModelError where one of `origins` is another than that: nothing of it may be kept.
    """
    for origin in dict.fromkeys(origins):
        pinned = _pinned(database, job_id) or _pin(database, job_id, origin)
        if pinned != origin:
            raise OtherModelError(_told(pinned, origin))


def _pinned(database: Database, job_id: str) -> str | None:
    with database.reading() as connection:
        pinned: str | None = connection.execute(select(jobs.c.origin).where(jobs.c.id == job_id)).scalar_one()
    return pinned


def _pin(database: Database, job_id: str, origin: str) -> str:
    """What is pinned now: another worker may have been quicker."""
    with database.writing() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id, jobs.c.origin.is_(None)).values(origin=origin))
        pinned: str = connection.execute(select(jobs.c.origin).where(jobs.c.id == job_id)).scalar_one()
    return pinned


def _told(pinned: str, origin: str) -> str:
    then, now = json.loads(pinned), json.loads(origin)
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    differs = ", ".join(f"{name} {_short(now.get(name))}, not {_short(then.get(name))}" for name in names)
    return (
        f"The job's grades are of another model, and a job never mixes them. What would grade now has {differs}. "
        "Let it go on with what it was begun with, or begin a new one."
    )


def _short(value: str | None) -> str:
    return str(value) if value is None or len(value) < 64 else value[:SHOWN]
