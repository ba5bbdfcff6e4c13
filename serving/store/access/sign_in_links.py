"""Sign-in links: one-time tokens that open the pages as an API key. The store holds only their hashes."""

import secrets

from sqlalchemy import insert, select, update

from serving.store.access.keys import ApiKey, hash_token, read_active_key
from serving.store.errors import UnknownError
from serving.store.ledger import Ledger
from serving.store.tables import sign_in_links


def create_link(ledger: Ledger, key_id: str, expires_at: str, actor: str) -> str:
    """See `Store.create_link`."""
    if read_active_key(ledger.connection, key_id) is None:
        raise UnknownError(f"Unknown or revoked key {key_id!r}. List the keys with: grader keys list")
    token = secrets.token_urlsafe(32)
    row = {"token_hash": hash_token(token), "key": key_id, "created_at": ledger.at, "expires_at": expires_at}
    ledger.connection.execute(insert(sign_in_links).values(row))
    ledger.append("sign-in-link", actor, {"key": key_id, "expires_at": expires_at})
    return token


def use_link(ledger: Ledger, token: str) -> ApiKey | None:
    """See `Store.use_link`."""
    links = sign_in_links.c
    usable = links.token_hash == hash_token(token), links.used_at.is_(None), links.expires_at > ledger.at
    key_id = ledger.connection.execute(select(links.key).where(*usable)).scalar_one_or_none()
    key = None if key_id is None else read_active_key(ledger.connection, key_id)
    if key is not None:
        ledger.connection.execute(update(sign_in_links).where(*usable).values(used_at=ledger.at))
        ledger.append("sign-in", key.id, {"key": key.id})
    return key
