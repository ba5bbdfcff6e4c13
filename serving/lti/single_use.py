"""Values that work once, in all processes of a service: nonces of launches and tickets of new windows."""

import hashlib
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError

from labs_schema.hashes import canonical_json
from serving.lti.errors import LtiError
from serving.store.database import Database
from serving.store.ledger import timestamp
from serving.store.platforms.lti_tables import lti_nonces


def use_once(database: Database, kind: str, value: str, valid_for: timedelta) -> None:
    """Uses `value` up; durable when it returns. After `valid_for` it is forgotten, so it must be invalid by then.

    Raises LtiError (`lti-replayed`) if it was used before, StoreError.
    """
    digest = hashlib.sha256(canonical_json([kind, value]).encode()).hexdigest()
    now = datetime.now(UTC)
    with database.writing() as connection:
        connection.execute(delete(lti_nonces).where(lti_nonces.c.expires_at < timestamp(now)))
        try:
            connection.execute(insert(lti_nonces).values(hash=digest, expires_at=timestamp(now + valid_for)))
        except IntegrityError as error:
            raise LtiError("It was used before.", code="lti-replayed") from error
