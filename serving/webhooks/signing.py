"""Secrets and signatures of Standard Webhooks: HMAC-SHA256 over id, time stamp and body.

No secret is stored. It is derived from the installation's key, the id of its endpoint and its number; a rotation adds
one to the number.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

from labs_schema.errors import GraderError
from labs_schema.hashes import canonical_json
from serving.store.access.session_key import session_key_file
from serving.store.database import Database

PREFIX = "whsec_"


def endpoint_secret(key: bytes, endpoint: str, number: int) -> str:
    """`whsec_` and 32 bytes in base64; the specification allows 24 to 64."""
    return PREFIX + b64encode(_derive(key, "webhook secret", endpoint, number)).decode()


def key_tag(key: bytes, endpoint: str) -> str:
    """16 hexadecimal digits that identify the key without revealing it."""
    return _derive(key, "webhook key tag", endpoint, 0).hex()[:16]


def endpoint_key(database: Database, endpoint: str, tag: str) -> bytes:
    """The installation's key. `tag`: that of the key from which the endpoint's secret was derived.

    Raises GraderError (`bad-session-key`, `other-webhook-key`) if it cannot be used, or is another one.
    """
    file = session_key_file(database)
    key = file.read()
    if not hmac.compare_digest(key_tag(key, endpoint).encode(), tag.encode()):
        raise GraderError(
            f"The secret of webhook {endpoint} was derived from another key than {file.path}.",
            code="other-webhook-key",
        )
    return key


def signed_headers(message: str, seconds: int, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """The headers of one attempt at Unix time `seconds`. With two keys, a receiver accepts either (rotation)."""
    signed = f"{message}.{seconds}.".encode() + body
    signatures = (hmac.digest(b64decode(key.removeprefix(PREFIX)), signed, "sha256") for key in keys)
    return {
        "webhook-id": message,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"v1,{b64encode(each).decode()}" for each in signatures),
    }


def _derive(key: bytes, purpose: str, endpoint: str, number: int) -> bytes:
    return hmac.digest(key, canonical_json([purpose, endpoint, number]).encode("ascii"), "sha256")
