"""Secrets and signatures of Standard Webhooks: HMAC-SHA256 over id, time stamp and body."""

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence

PREFIX = "whsec_"


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64; the specification allows 24 to 64."""
    return PREFIX + b64encode(secrets.token_bytes(32)).decode()


def signed_headers(message: str, seconds: int, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """The headers of one attempt at Unix time `seconds`. With two keys, a receiver accepts either (rotation)."""
    signed = f"{message}.{seconds}.".encode() + body
    signatures = (hmac.new(b64decode(key.removeprefix(PREFIX)), signed, "sha256").digest() for key in keys)
    return {
        "webhook-id": message,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"v1,{b64encode(each).decode()}" for each in signatures),
    }
