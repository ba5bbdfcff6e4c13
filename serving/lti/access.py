"""The people of a platform in the store, and the end of their access."""

import secrets

from sqlalchemy import ColumnElement, delete, insert, select

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_json
from serving.store.access.keys import read_active_key, revoke_key
from serving.store.contents import keyed_hash
from serving.store.ledger import Detail, Ledger
from serving.store.platforms.lti_tables import lti_courses, lti_deployments, lti_platforms, lti_users


class Person(Frozen):
    """`user` is the platform's id, in the course `course` of this service."""

    platform: str
    user: str
    course: str


def row_of(person: Person) -> list[ColumnElement[bool]]:
    return [lti_users.c[name] == getattr(person, name) for name in Person.model_fields]


def record_person(ledger: Ledger, person: Person, **changed: str | None) -> None:
    """`changed`: `student`, or `key`, which is None if the person no longer has one. The other stays: a TA may have
    been a student."""
    known = ledger.connection.execute(select(lti_users).where(*row_of(person))).one_or_none()
    secret = known.secret if known else secrets.token_hex(32)
    row: Detail = {name: getattr(known, name, None) for name in ("student", "key")} | changed
    ledger.connection.execute(delete(lti_users).where(*row_of(person)))
    ledger.connection.execute(insert(lti_users).values(**person.model_dump(), **row, at=ledger.at, secret=secret))
    identity = keyed_hash(secret, canonical_json([person.platform, person.user, person.course]))
    ledger.append(
        "lti-user", "lti", {"identity": identity, "platform": person.platform, "course": person.course, **row}
    )


def revoke_lost_access(ledger: Ledger, platform: str, actor: str) -> tuple[str, ...]:
    """Revokes the keys of TAs whose course is no longer connected to the platform; returns their ids.

    After a connection is made again, a TA gets a new key. A key that was revoked before stays with its person, whose
    launches it refuses.
    """
    same_deployment = [lti_deployments.c[name] == lti_courses.c[name] for name in ("platform", "deployment")]
    connected = (
        select(lti_courses.c.course)
        .join(lti_deployments, same_deployment[0] & same_deployment[1])
        .join(lti_platforms, lti_platforms.c.id == lti_courses.c.platform)
        .where(lti_courses.c.platform == platform, lti_platforms.c.removed_at.is_(None))
    )
    lost = lti_users.c.platform == platform, lti_users.c.key.is_not(None), lti_users.c.course.not_in(connected)
    revoked = []
    for row in ledger.connection.execute(select(lti_users).where(*lost).order_by(lti_users.c.key)).all():
        if read_active_key(ledger.connection, row.key) is not None:
            revoke_key(ledger, row.key, actor)
            record_person(ledger, Person(platform=row.platform, user=row.user, course=row.course), key=None)
            revoked.append(row.key)
    return tuple(revoked)
