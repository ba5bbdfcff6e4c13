"""API keys: who may do what in which course. The store holds a hash; the key itself is shown once.

A key is 256 random bits, so that a plain SHA-256 cannot be searched for it.
"""

import hashlib
import secrets
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from labs_schema.frozen import Frozen
from serving.store.errors import UnknownError
from serving.store.ledger import Detail, Ledger, plain
from serving.store.roles import Role
from serving.store.tables import keys

PREFIX = "grader_"
"""By which a key that leaked is recognised."""


class ApiKey(Frozen):
    """`course` is None for a key to every course."""

    id: str
    name: str
    role: Role
    course: str | None
    created_at: str
    revoked_at: str | None

    def opens(self, course: str) -> bool:
        return self.course in (None, course)


def create_key(ledger: Ledger, name: str, role: Role, course: str | None, actor: str) -> tuple[str, ApiKey]:
    """The key, which cannot be shown again, and what the store knows of it."""
    token = PREFIX + secrets.token_urlsafe(32)
    entered: Detail = {
        "id": secrets.token_hex(4),
        "seq": ledger.seq,
        "token_hash": _hash(token),
        "name": plain(name),
        "role": role.value,
        "course": None if course is None else plain(course),
        "created_at": ledger.at,
    }
    ledger.connection.execute(insert(keys).values(entered))
    ledger.append("key", actor, entered)
    return token, _read(ledger.connection, str(entered["id"]))


def revoke_key(ledger: Ledger, key_id: str, actor: str) -> ApiKey:
    """Revoking twice is once. Raises UnknownError where there is no such key."""
    known = _read(ledger.connection, key_id)
    if known.revoked_at is not None:
        return known
    ledger.connection.execute(update(keys).where(keys.c.id == key_id).values(revoked_at=ledger.at))
    ledger.append("revoke", actor, {"id": key_id})
    return _read(ledger.connection, key_id)


def find_key(connection: Connection, token: str) -> ApiKey | None:
    """The key that `token` is, None where it is none or was revoked."""
    known = select(keys).where(keys.c.token_hash == _hash(token), keys.c.revoked_at.is_(None))
    row = connection.execute(known).one_or_none()
    return None if row is None else _key(row)


def list_keys(connection: Connection) -> list[ApiKey]:
    """All keys ever made, the oldest first."""
    return [_key(row) for row in connection.execute(select(keys).order_by(keys.c.seq))]


def _read(connection: Connection, key_id: str) -> ApiKey:
    row = connection.execute(select(keys).where(keys.c.id == key_id)).one_or_none()
    if row is None:
        raise UnknownError(f"There is no key {key_id!r}. grader keys list shows those there are.")
    return _key(row)


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(**{name: getattr(row, name) for name in ApiKey.model_fields})


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
