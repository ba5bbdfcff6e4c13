"""Key sets of platforms: cached, fetched again for new keys but rarely, and only from permitted addresses."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from labs_schema.limits import LtiLimits
from serving.lti.errors import LtiError
from serving.lti.platforms.platform_keys import PlatformKeys
from serving.outbound.client import OutboundClient
from serving.outbound.errors import OutboundFailedError
from serving.outbound.policy import OutboundPolicy
from tests.harness.lti.tokens import private_key, public_jwk

LIMITS = LtiLimits()
URL = "https://platform.example/keys"


class Host:
    """The host of a key set: `answer` is its next response, `requests` what it received."""

    def __init__(self) -> None:
        self.answer: Any = {"keys": [public_jwk("k1")]}
        self.status, self.requests, self.now = 200, 0, 1000.0
        self.keys = PlatformKeys(lambda: self, clock=lambda: self.now)  # type: ignore[arg-type,return-value]

    def __enter__(self) -> "Host":
        return self

    def __exit__(self, *_: object) -> None: ...

    def request(self, method: str, url: str, **_: Any) -> httpx.Response:
        assert (method, url) == ("GET", URL)
        self.requests += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        body = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return httpx.Response(self.status, content=body)

    def code(self, kid: str) -> str:
        try:
            self.keys.find(URL, kid)
        except LtiError as error:
            return error.code
        return "found"


@pytest.fixture
def host() -> Iterator[Host]:
    yield Host()


def test_a_set_is_fetched_once_and_again_after_a_while(host: Host) -> None:
    assert [host.code("k1") for _ in range(3)] == ["found"] * 3 and host.requests == 1
    host.now += LIMITS.keys_cache_seconds
    assert host.code("k1") == "found" and host.requests == 2


def test_a_rotated_key_is_found_and_unknown_ones_cause_few_requests(host: Host) -> None:
    host.code("k1")
    assert [host.code(f"x{n}") for n in range(20)] == ["lti-token-key"] * 20 and host.requests == 1
    host.answer = {"keys": [public_jwk("k1"), public_jwk("k2")]}
    host.now += LIMITS.keys_refetch_seconds
    assert host.code("k2") == "found" and host.requests == 2
    assert [host.code(f"x{n}") for n in range(20)] == ["lti-token-key"] * 20 and host.requests == 2


def test_a_withdrawn_key_is_refused_once_the_set_is_fetched_again(host: Host) -> None:
    host.code("k1")
    host.answer = {"keys": [public_jwk("k2")]}
    host.now += LIMITS.keys_cache_seconds
    assert (host.code("k1"), host.code("k2")) == ("lti-token-key", "found")


def test_while_the_platform_is_away_its_keys_remain_for_a_day(host: Host) -> None:
    host.code("k1")
    host.answer = OutboundFailedError("away")
    host.now += LIMITS.keys_cache_seconds
    assert [host.code("k1") for _ in range(5)] == ["found"] * 5 and host.requests == 2
    host.now += LIMITS.keys_stale_seconds
    assert host.code("k1") == "lti-platform-keys"


def test_a_platform_that_was_never_reached_is_tried_rarely(host: Host) -> None:
    host.answer = OutboundFailedError("away")
    assert [host.code("k1") for _ in range(5)] == ["lti-platform-keys"] * 5 and host.requests == 1


@pytest.mark.parametrize(
    ("status", "answer"),
    [(200, b"<html>"), (200, []), (200, {}), (200, {"keys": {}}), (200, {"keys": ["x"]}), (302, {"keys": []}),
     (404, {"keys": []}), (200, b"\xff"), (200, b"[" * 100_000)],
)  # fmt: skip
def test_an_unusable_set_is_no_set(host: Host, status: int, answer: Any) -> None:
    host.status, host.answer = status, answer
    assert host.code("k1") == "lti-platform-keys"


SMALL = {"n": "AQAB" * 20}


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "EC"},
        {"alg": "HS256"},
        {"alg": "none"},
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"n": 5},
        {"n": "!"},
        {"n": ""},
        SMALL,
        {"e": None},
        {"n": None},
    ],
)
def test_a_key_that_is_no_rsa_signature_key_is_refused(host: Host, entry: dict[str, Any]) -> None:
    host.answer = {"keys": [{**public_jwk("k1"), **entry}]}
    assert host.code("k1") == "lti-token-key"


def test_two_keys_with_one_id_are_refused_and_sparse_entries_are_not(host: Host) -> None:
    host.answer = {"keys": [public_jwk("k1"), public_jwk("k1", private_key("other"))]}
    assert host.code("k1") == "lti-token-key"
    sparse = {name: value for name, value in public_jwk("k2").items() if name not in ("alg", "use")}
    host.answer = {"keys": [{**sparse, "key_ops": ["verify"]}]}  # Open edX
    host.now += LIMITS.keys_refetch_seconds
    assert host.code("k2") == "found"


@pytest.mark.parametrize(
    "address", ["http://platform.example/keys", "https://127.0.0.1/keys", "https://169.254.169.254/", "https://[::1]/"]
)
def test_nothing_is_requested_from_a_forbidden_address(address: str) -> None:
    keys = PlatformKeys(lambda: OutboundClient(OutboundPolicy()))
    with pytest.raises(LtiError) as caught:
        keys.find(address, "k1")
    assert caught.value.code == "lti-platform-keys"
