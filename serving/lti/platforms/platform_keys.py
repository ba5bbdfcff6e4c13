"""The key sets of platforms, fetched through the guarded client and cached.

A token with an unknown key id makes the set be fetched again, at most every `LtiLimits.keys_refetch_seconds`: anyone
can send such tokens.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from labs_schema.limits import LtiLimits
from serving.lti.errors import LtiError
from serving.lti.keys import ALGORITHM
from serving.outbound.client import OutboundClient, decoded
from serving.outbound.errors import OutboundFailedError, OutboundRefusedError, OutboundTooLargeError

LIMITS = LtiLimits()
Jwk = Mapping[str, Any]


@dataclass
class _KeySet:
    """`fetched_at`, `tried_at`: monotonic seconds, None before the first time. `failure`: of the last try, if any.
    `lock`: of the thread that fetches."""

    keys: tuple[Jwk, ...] = ()
    fetched_at: float | None = None
    tried_at: float | None = None
    failure: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


class PlatformKeys:
    """Thread-safe. `open_client` makes a client for one fetch; `clock` is monotonic, in seconds."""

    def __init__(self, open_client: Callable[[], OutboundClient], clock: Callable[[], float] = time.monotonic) -> None:
        self._open_client, self._clock = open_client, clock
        self._sets: dict[str, _KeySet] = {}
        self._guard = threading.Lock()

    def find(self, url: str, kid: str) -> RSAPublicKey:
        """The key `kid` of the set at `url`.

        Raises LtiError: `lti-token-key` if the set has no such key, `lti-platform-keys` if it cannot be fetched.
        """
        with self._guard:
            known = self._sets.setdefault(url, _KeySet())
        if self._is_younger(known, LIMITS.keys_cache_seconds) and (found := _with_id(known.keys, kid)):
            return _public_key(found)
        if not known.lock.acquire(timeout=LIMITS.keys_wait_seconds):
            raise LtiError("Its key set is being fetched.", code="lti-platform-keys")
        try:
            if not (self._is_younger(known, LIMITS.keys_cache_seconds) and _with_id(known.keys, kid)):
                self._fetch(url, known)
        finally:
            known.lock.release()
        if not self._is_younger(known, LIMITS.keys_stale_seconds):
            raise LtiError(known.failure, code="lti-platform-keys")
        return _public_key(_with_id(known.keys, kid))

    def _is_younger(self, known: _KeySet, seconds: float) -> bool:
        return known.fetched_at is not None and self._clock() - known.fetched_at < seconds

    def _fetch(self, url: str, known: _KeySet) -> None:
        """Fetches the set, unless this was tried recently. A set that cannot be fetched again is used for a day."""
        now = self._clock()
        if known.tried_at is not None and now - known.tried_at < LIMITS.keys_refetch_seconds:
            return
        known.tried_at = now
        try:
            known.keys = _fetched(self._open_client, url)
        except LtiError as error:
            known.failure = str(error)
        else:
            known.fetched_at = now


def _fetched(open_client: Callable[[], OutboundClient], url: str) -> tuple[Jwk, ...]:
    try:
        with open_client() as client:
            response = client.request(
                "GET", url, max_bytes=LIMITS.key_set_bytes, headers={"Accept": "application/json"}
            )
    except (OutboundRefusedError, OutboundFailedError, OutboundTooLargeError) as error:
        raise LtiError(f"Its key set cannot be fetched: {error}", code="lti-platform-keys") from error
    document = decoded(response)
    keys = document.get("keys") if isinstance(document, dict) else None
    if response.status_code != 200 or not isinstance(keys, list) or not all(isinstance(each, dict) for each in keys):
        raise LtiError(f"Its key set is unusable (HTTP {response.status_code}).", code="lti-platform-keys")
    return tuple(keys)


def _with_id(keys: Sequence[Jwk], kid: str) -> list[Jwk]:
    return [each for each in keys if each.get("kid") == kid]


def _public_key(found: Sequence[Jwk]) -> RSAPublicKey:
    """Raises LtiError (`lti-token-key`) unless it is one RSA key for signatures. `alg` and `use` may be missing."""
    if len(found) != 1:
        raise LtiError(f"The platform's key set has {len(found)} keys with the token's `kid`.", code="lti-token-key")
    [jwk] = found
    operations = jwk.get("key_ops", ["verify"])
    signs = jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    if jwk.get("kty") != "RSA" or jwk.get("alg", ALGORITHM) != ALGORITHM or not signs:
        raise LtiError(f"The platform's key is not an RSA key for {ALGORITHM} signatures.", code="lti-token-key")
    try:
        # Only the public part: the set is not trusted to have no more.
        key = RSAAlgorithm.from_jwk({name: jwk[name] for name in ("kty", "n", "e")})
    except (InvalidKeyError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise LtiError("The platform's key is malformed.", code="lti-token-key") from error
    if not isinstance(key, RSAPublicKey) or not 2048 <= key.key_size <= 8192:
        raise LtiError("The platform's key is shorter than 2048 bits, or too long.", code="lti-token-key")
    return key
