"""Compares the rows of LTI with the newest entry that the audit log has about each of them."""

import json
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from labs_schema.hashes import canonical_hash, canonical_json
from serving.store.contents import keyed_hash
from serving.store.lti_tables import (
    lti_courses,
    lti_deployments,
    lti_links,
    lti_platforms,
    lti_registration_tokens,
    lti_users,
)
from serving.store.tables import audit

Versions = dict[str, str]
"""The identity of a row -> the hash of its state."""
PLACE = ("platform", "deployment", "context")


class LtiFault(NamedTuple):
    code: str
    entry: int | None
    message: str


class _Expected(NamedTuple):
    """`version` None: there is no row."""

    entry: int
    version: str | None


def platform_version(connection: Connection, identifier: str) -> str:
    """The hash of a platform's row and of its deployments."""
    row = connection.execute(select(lti_platforms).where(lti_platforms.c.id == identifier)).one()
    query = select(lti_deployments.c.deployment).where(lti_deployments.c.platform == identifier)
    return _hash([dict(row._mapping), sorted(connection.execute(query).scalars(), key=str)])


def link_version(row: Row[Any]) -> str:
    return _hash(dict(row._mapping))


def lti_faults(connection: Connection, forgotten: Collection[str]) -> Iterator[LtiFault]:
    """`forgotten`: pseudonyms."""
    platforms = connection.execute(select(lti_platforms.c.id)).scalars().all()
    found = {_hash([each]): platform_version(connection, each) for each in platforms}
    expected = _newest(connection, "lti-platform", lambda detail, _: (_hash([detail["id"]]), detail["version"]))
    yield from _compare("platform", expected, found)
    yield from _compare("course", _newest(connection, "lti-course", _course_entry), _courses(connection))
    links = connection.execute(select(lti_links)).all()
    found = {_hash([getattr(row, name) for name in (*PLACE, "link")]): link_version(row) for row in links}
    expected = _newest(connection, "lti-link", lambda detail, _: (detail["link"], detail["version"]))
    yield from _compare("link", expected, found)

    def user_entry(detail: dict[str, Any], _: Row[Any]) -> tuple[str, str | None]:
        return detail["identity"], _user_version(detail, forgotten)

    yield from _compare("user", _newest(connection, "lti-user", user_entry), _users(connection))
    rows = connection.execute(select(lti_registration_tokens)).all()
    found = {row.token_hash: _hash([row.expires_at, row.used_at]) for row in rows}
    expected = _newest(connection, "lti-registration-link", _registration_entry)
    yield from _compare("registration link", expected, found)


def _newest(
    connection: Connection, event: str, read: Callable[[dict[str, Any], Row[Any]], tuple[str, str | None]]
) -> dict[str, _Expected]:
    """The newest entry of `event` about each row. A changed entry is reported by the hash chain."""
    newest: dict[str, _Expected] = {}
    for row in connection.execute(select(audit).where(audit.c.event == event).order_by(audit.c.seq)):
        try:
            subject, version = read(json.loads(row.detail), row)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        newest[subject] = _Expected(row.seq, version)
    return newest


def _compare(what: str, expected: dict[str, _Expected], found: Versions) -> Iterator[LtiFault]:
    for subject, (entry, version) in expected.items():
        if version is not None and subject not in found:
            yield LtiFault("row-deleted", entry, f"its LTI {what} was deleted")
        elif found.get(subject) != version:
            yield LtiFault("row-changed", entry, f"its LTI {what} was changed")
    if alone := sum(each not in expected for each in found):
        yield LtiFault("row-without-entry", None, f"LTI: {alone} x {what} without an entry")


def _course_entry(detail: dict[str, Any], row: Row[Any]) -> tuple[str, str | None]:
    version = None if detail["change"] == "disconnected" else _hash([detail["course"], row.at, row.actor])
    return _hash([detail[name] for name in PLACE]), version


def _courses(connection: Connection) -> Versions:
    rows = connection.execute(select(lti_courses)).all()
    return {_hash([getattr(row, name) for name in PLACE]): _hash([row.course, row.at, row.actor]) for row in rows}


def _user_version(detail: dict[str, Any], forgotten: Collection[str]) -> str | None:
    """Forgetting empties `student`, and deletes the row of someone who is not a TA."""
    student = detail["student"]
    if student in forgotten:
        if detail["key"] is None:
            return None
        student = None
    return _hash([detail["platform"], detail["course"], student, detail["key"]])


def _users(connection: Connection) -> Versions:
    versions: Versions = {}
    for row in connection.execute(select(lti_users)).all():
        try:
            identity = keyed_hash(row.secret, canonical_json([row.platform, row.user, row.course]))
        except (ValueError, TypeError):  # someone changed the secret
            identity = f"row of {row.platform!r}"
        versions[identity] = _hash([row.platform, row.course, row.student, row.key])
    return versions


def _registration_entry(detail: dict[str, Any], _: Row[Any]) -> tuple[str, str | None]:
    return detail["token_hash"], _hash([detail["expires_at"], detail["used_at"]])


def _hash(value: object) -> str:
    """Empty for bytes, which SQLite accepts in any column."""
    try:
        return canonical_hash(value)
    except TypeError:
        return ""
