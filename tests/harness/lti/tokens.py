"""Keys and signed tokens (JWS) of LTI platforms and tools in tests."""

import base64
import hashlib
import hmac
import json
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

Json = dict[str, Any]


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    del name
    return rsa.generate_private_key(65537, 2048)


def public_jwk(name: str, key: rsa.RSAPrivateKey | None = None) -> Json:
    """The public half of a key, with `name` as its kid."""
    found = jwt.algorithms.RSAAlgorithm.to_jwk((key or private_key(name)).public_key(), as_dict=True)
    return {**found, "kid": name, "alg": "RS256", "use": "sig"}


def signed(header: Json, claims: Json, key: rsa.RSAPrivateKey, algorithm: str) -> str:
    """A JWS with any header, also one that no library would write."""
    text = ".".join(_base64(json.dumps(each).encode()) for each in (header, claims))
    if algorithm == "RS256":
        signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    else:
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        signature = hmac.digest(public, text.encode(), hashlib.sha256) if algorithm == "HS256" else b""
    return f"{text}.{_base64(signature)}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
