"""The keys with which the tool signs its own tokens, and the key set that platforms verify them with.

The private keys are in one file that only its owner may read, never in the database. A new key is published before it
signs, and an old one stays published after it has signed last: platforms cache key sets.
"""

import hashlib
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import RSAAlgorithm

from labs_schema.files.atomic import create_atomically, write_atomically
from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_json
from labs_schema.limits import LtiLimits
from serving.lti.errors import LtiError
from serving.store.ledger import timestamp

LIMITS = LtiLimits()
ALGORITHM = "RS256"


class StoredKey(Frozen):
    """A line of the key file. `pem`: PKCS 8, not encrypted. `created_at`: UTC, as in the store."""

    created_at: str
    pem: str


class SigningKey(NamedTuple):
    """`kid` is the key's thumbprint (RFC 7638), `public` its public part as a JSON Web Key."""

    kid: str
    key: RSAPrivateKey
    public: dict[str, Any]


class ToolKeys:
    """The keys in `path`, a file that is created with the first key. Read at every use, so that a rotation counts at
    once. All methods raise LtiError (`lti-keys`) if the file cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def signing(self, now: datetime | None = None) -> SigningKey:
        """The newest key that was published long enough; the oldest one if there is none."""
        stored, now = self._read(), now or datetime.now(UTC)
        published = timestamp(now - timedelta(hours=LIMITS.key_publish_hours))
        known = [each for each in stored if each.created_at <= published]
        return _load((known[-1] if known else stored[0]).pem)

    def public_set(self, now: datetime | None = None) -> dict[str, Any]:
        """The JSON Web Key Set: the signing key, newer ones, and those that signed until recently."""
        stored, now = self._read(), now or datetime.now(UTC)
        return {"keys": [_load(each.pem).public for each in _published(stored, now)]}

    def rotate(self, *, now: datetime | None = None, at_once: bool = False) -> str:
        """Adds a key and returns its id. `at_once`: removes all others, which must no longer be trusted."""
        now = now or datetime.now(UTC)
        fresh = StoredKey(created_at=timestamp(now), pem=_new_pem())
        earlier = [] if at_once else _published(self._read(), now)
        try:
            _write(self.path, [*earlier, fresh], replace=True)
        except OSError as error:
            raise _unusable(self.path, str(error.strerror)) from error
        return _load(fresh.pem).kid

    def _read(self) -> list[StoredKey]:
        """Oldest first."""
        try:
            if not self.path.exists():
                _write(self.path, [StoredKey(created_at=timestamp(datetime.now(UTC)), pem=_new_pem())], replace=False)
            if self.path.stat().st_mode & 0o077:
                raise _unusable(self.path, "others may read it; run chmod 600 on it")
            found = [StoredKey.model_validate(each) for each in json.loads(self.path.read_text(encoding="utf-8"))]
            for each in found:
                _load(each.pem)
        except (OSError, ValueError, TypeError) as error:
            # Not the text of the error: it may quote a part of a private key.
            reason = error.strerror if isinstance(error, OSError) else "it is not a file of grader lti rotate-key"
            raise _unusable(self.path, str(reason)) from None
        if not found:
            raise _unusable(self.path, "it has no key")
        return sorted(found, key=lambda each: each.created_at)


def _published(stored: list[StoredKey], now: datetime) -> list[StoredKey]:
    """The stored keys, except those whose successor has signed for longer than any platform caches a key set."""
    ended = timestamp(now - timedelta(hours=LIMITS.key_publish_hours + LIMITS.key_retain_hours))
    successors = [*stored[1:], None]
    return [each for each, later in zip(stored, successors, strict=True) if later is None or later.created_at > ended]


def _unusable(path: Path, why: str) -> LtiError:
    return LtiError(f"The key file {path} cannot be used: {why}.", code="lti-keys")


def _new_pem() -> str:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


@lru_cache(maxsize=8)
def _load(pem: str) -> SigningKey:
    """Raises ValueError for anything but an RSA key."""
    key = load_pem_private_key(pem.encode("ascii"), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("not an RSA key")
    jwk: dict[str, Any] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    members = {name: jwk[name] for name in ("kty", "n", "e")}
    thumbprint = hashlib.sha256(canonical_json(members).encode()).digest()
    kid = urlsafe_b64encode(thumbprint).rstrip(b"=").decode("ascii")
    return SigningKey(kid, key, {**members, "kid": kid, "alg": ALGORITHM, "use": "sig"})


def _write(path: Path, keys: list[StoredKey], *, replace: bool) -> None:
    """Atomic. Without `replace`, if two processes start together, the first one's file counts."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write = write_atomically if replace else create_atomically
    write(path, json.dumps([each.model_dump() for each in keys], indent=1), mode=0o600)
