"""The fingerprint of a job: model, prompt, settings, engine and versions that all of its grades share."""

import json
from collections.abc import Iterable

from sqlalchemy import select, update

from labs_schema.grades import Provenance
from labs_schema.hashes import canonical_json
from serving.jobs.errors import OtherModelError
from serving.jobs.tables import jobs
from serving.store.database import Database

OF_THE_WORK = {"rubric_hash", "submission_hash", "observations_hash"}
HASH_CHARS = 12
"""Characters of a hash in an error message."""


def fingerprint_of(source: Provenance) -> str:
    """The provenance without the hashes of rubric, submission and observations, as canonical JSON."""
    return canonical_json(source.model_dump(exclude=OF_THE_WORK))


def pin_fingerprint(database: Database, job_id: str, fingerprints: Iterable[str]) -> None:
    """The first grades of a job set its fingerprint. Call before grades are stored.

    Raises OtherModelError if one of `fingerprints` differs from the job's.
    """
    for fingerprint in dict.fromkeys(fingerprints):
        pinned = _read(database, job_id) or _write(database, job_id, fingerprint)
        if pinned != fingerprint:
            raise OtherModelError(_difference(pinned, fingerprint))


def _read(database: Database, job_id: str) -> str | None:
    with database.reading() as connection:
        pinned: str | None = connection.execute(select(jobs.c.fingerprint).where(jobs.c.id == job_id)).scalar_one()
    return pinned


def _write(database: Database, job_id: str, fingerprint: str) -> str:
    """Returns the stored fingerprint, which another worker may have set first."""
    unset = jobs.c.id == job_id, jobs.c.fingerprint.is_(None)
    with database.writing() as connection:
        connection.execute(update(jobs).where(*unset).values(fingerprint=fingerprint))
        pinned: str = connection.execute(select(jobs.c.fingerprint).where(jobs.c.id == job_id)).scalar_one()
    return pinned


def _difference(pinned: str, fingerprint: str) -> str:
    then, now = json.loads(pinned), json.loads(fingerprint)
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    differs = ", ".join(f"{name} {_short(now.get(name))}, not {_short(then.get(name))}" for name in names)
    return (
        f"The job was started with another model, and a job never mixes models: {differs}. "
        "Resume it with the first model, or start a new job."
    )


def _short(value: str | None) -> str:
    return str(value) if value is None or len(value) < 64 else value[:HASH_CHARS]
