"""Compares the rows of LTI with the newest entry that the audit log has about each of them."""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Connection, Row, select

from labs_schema.hashes import canonical_json
from serving.store.contents import keyed_hash
from serving.store.platforms.lti_tables import (
    lti_courses,
    lti_deployments,
    lti_links,
    lti_platforms,
    lti_registration_tokens,
    lti_users,
)
from serving.store.verification.changed_rows import AuditFault, Versions, compare_rows, newest_entries, row_hash

PLACE = ("platform", "deployment", "context")


def platform_version(connection: Connection, identifier: str) -> str:
    """The hash of a platform's row and of its deployments."""
    row = connection.execute(select(lti_platforms).where(lti_platforms.c.id == identifier)).one()
    query = select(lti_deployments.c.deployment).where(lti_deployments.c.platform == identifier)
    return row_hash([dict(row._mapping), sorted(connection.execute(query).scalars(), key=str)])


def link_version(row: Row[Any]) -> str:
    return row_hash(dict(row._mapping))


def lti_faults(connection: Connection, forgotten: Collection[str]) -> Iterator[AuditFault]:
    """`forgotten`: pseudonyms."""
    platforms = connection.execute(select(lti_platforms.c.id)).scalars().all()
    found = {row_hash([each]): platform_version(connection, each) for each in platforms}
    expected = newest_entries(connection, "lti-platform", lambda it, _: (row_hash([it["id"]]), it["version"]))
    yield from compare_rows("LTI platform", expected, found)
    yield from compare_rows("LTI course", newest_entries(connection, "lti-course", _course_entry), _courses(connection))
    links = connection.execute(select(lti_links)).all()
    found = {row_hash([getattr(row, name) for name in (*PLACE, "link")]): link_version(row) for row in links}
    expected = newest_entries(connection, "lti-link", lambda detail, _: (detail["link"], detail["version"]))
    yield from compare_rows("LTI link", expected, found)

    def user_entry(detail: dict[str, Any], _: Row[Any]) -> tuple[str, str | None]:
        return detail["identity"], _user_version(detail, forgotten)

    yield from compare_rows("LTI user", newest_entries(connection, "lti-user", user_entry), _users(connection))
    rows = connection.execute(select(lti_registration_tokens)).all()
    found = {row.token_hash: row_hash([row.expires_at, row.used_at]) for row in rows}
    expected = newest_entries(connection, "lti-registration-link", _registration_entry)
    yield from compare_rows("LTI registration link", expected, found)


def _course_entry(detail: dict[str, Any], row: Row[Any]) -> tuple[str, str | None]:
    version = None if detail["change"] == "disconnected" else row_hash([detail["course"], row.at, row.actor])
    return row_hash([detail[name] for name in PLACE]), version


def _courses(connection: Connection) -> Versions:
    rows = connection.execute(select(lti_courses)).all()
    return {row_hash([getattr(row, name) for name in PLACE]): row_hash([row.course, row.at, row.actor]) for row in rows}


def _user_version(detail: dict[str, Any], forgotten: Collection[str]) -> str | None:
    """Forgetting empties `student`, and deletes the row of someone who is not a TA."""
    student = detail["student"]
    if student in forgotten:
        if detail["key"] is None:
            return None
        student = None
    return row_hash([detail["platform"], detail["course"], student, detail["key"]])


def _users(connection: Connection) -> Versions:
    versions: Versions = {}
    for row in connection.execute(select(lti_users)).all():
        try:
            identity = keyed_hash(row.secret, canonical_json([row.platform, row.user, row.course]))
        except (ValueError, TypeError):  # someone changed the secret
            identity = f"row of {row.platform!r}"
        versions[identity] = row_hash([row.platform, row.course, row.student, row.key])
    return versions


def _registration_entry(detail: dict[str, Any], _: Row[Any]) -> tuple[str, str | None]:
    return detail["token_hash"], row_hash([detail["expires_at"], detail["used_at"]])
