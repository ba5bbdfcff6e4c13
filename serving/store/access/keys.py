"""API keys. The store holds only a hash; the key itself is shown once.

A key has 256 random bits, so a plain SHA-256 cannot be inverted by guessing.
"""

import hashlib
import secrets
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from labs_schema.frozen import Frozen
from serving.store.access.roles import Role
from serving.store.errors import UnknownError
from serving.store.ledger import Detail, Ledger, printable_name
from serving.store.tables import keys

PREFIX = "grader_"
"""Lets secret scanners recognise a leaked key."""


class ApiKey(Frozen):
    """`course` is None for a key to all courses."""

    id: str
    name: str
    role: Role
    course: str | None
    created_at: str
    revoked_at: str | None

    def opens(self, course: str) -> bool:
        return self.course in (None, course)


def create_key(ledger: Ledger, name: str, role: Role, course: str | None, actor: str) -> tuple[str, ApiKey]:
    """The key, which cannot be shown again, and its record."""
    token = PREFIX + secrets.token_urlsafe(32)
    row: Detail = {
        "id": secrets.token_hex(4),
        "seq": ledger.seq,
        "token_hash": hash_token(token),
        "name": printable_name(name),
        "role": role.value,
        "course": None if course is None else printable_name(course),
        "created_at": ledger.at,
    }
    ledger.connection.execute(insert(keys).values(row))
    ledger.append("key", actor, row)
    return token, _read(ledger.connection, str(row["id"]))


def revoke_key(ledger: Ledger, key_id: str, actor: str) -> ApiKey:
    """Idempotent. Raises UnknownError for an unknown id."""
    known = _read(ledger.connection, key_id)
    if known.revoked_at is not None:
        return known
    ledger.connection.execute(update(keys).where(keys.c.id == key_id).values(revoked_at=ledger.at))
    ledger.append("revoke", actor, {"id": key_id})
    return _read(ledger.connection, key_id)


def find_key(connection: Connection, token: str) -> ApiKey | None:
    """The record of the key `token`; None if it is unknown or revoked."""
    query = select(keys).where(keys.c.token_hash == hash_token(token), keys.c.revoked_at.is_(None))
    row = connection.execute(query).one_or_none()
    return None if row is None else _key(row)


def read_active_key(connection: Connection, key_id: str) -> ApiKey | None:
    """The record of a key by its id; None if it is unknown or revoked."""
    row = connection.execute(select(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None))).one_or_none()
    return None if row is None else _key(row)


def list_keys(connection: Connection) -> list[ApiKey]:
    """All keys ever created, oldest first."""
    return [_key(row) for row in connection.execute(select(keys).order_by(keys.c.seq))]


def _read(connection: Connection, key_id: str) -> ApiKey:
    row = connection.execute(select(keys).where(keys.c.id == key_id)).one_or_none()
    if row is None:
        raise UnknownError(f"Unknown key {key_id!r}. List the keys with: grader keys list")
    return _key(row)


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(**{name: getattr(row, name) for name in ApiKey.model_fields})


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
