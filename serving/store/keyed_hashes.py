"""Hashes that say nothing once a student's secret is gone: HMAC-SHA-256 over canonical JSON.

A plain hash of a program or an id could be found again by whoever has the program or guesses the id.
"""

import hmac
import secrets


def new_secret() -> str:
    """256 random bits in hexadecimal."""
    return secrets.token_hex(32)


def sealed(secret: str, document: str) -> str:
    """64 hexadecimal digits. `document` is canonical JSON."""
    return hmac.new(bytes.fromhex(secret), document.encode("ascii"), "sha256").hexdigest()
