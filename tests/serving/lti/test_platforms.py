"""Registrations of platforms."""

from typing import Any

import pytest

from serving.lti.errors import LtiError
from serving.lti.platforms.platforms import Platforms, StudentIdKind, origin
from serving.store.store import Store
from tests.serving.lti.conftest import POLICY, details


def test_a_platform_is_found_by_issuer_and_client_id(store: Store) -> None:
    platforms = Platforms(store, "test")
    made = platforms.register(details(), POLICY)
    assert platforms.find("https://moodle.example", "c1") == platforms.find("https://moodle.example", None) == made
    assert made.token_audience == made.token_url and made.student_id is StudentIdKind.CUSTOM
    assert made.frames == ("https://moodle.example",)
    for issuer, client in (
        ("https://moodle.example/", "c1"),
        ("https://moodle.example", "c2"),
        ("HTTPS://MOODLE.EXAMPLE", "c1"),
    ):
        with pytest.raises(LtiError) as caught:
            platforms.find(issuer, client)
        assert caught.value.code == "lti-unknown-platform"


def test_an_issuer_with_two_clients_needs_the_client_id(store: Store) -> None:
    platforms = Platforms(store, "test")
    platforms.register(details(), POLICY)
    second = platforms.register(details(client_id="c2"), POLICY)
    with pytest.raises(LtiError) as caught:
        platforms.find("https://moodle.example", None)
    assert caught.value.code == "lti-ambiguous-platform"
    assert platforms.find("https://moodle.example", "c2") == second


def test_registering_again_replaces_and_revives(store: Store) -> None:
    platforms = Platforms(store, "test")
    made = platforms.register(details(), POLICY)
    platforms.add_deployment(made.id, "2")
    assert platforms.read(made.id).deployments == ("1", "2")
    platforms.remove(made.id)
    assert platforms.all() == []
    with pytest.raises(LtiError):
        platforms.read(made.id)
    again = platforms.register(details(deployments=("3",), frame_origins=("https://*.moodle.example",)), POLICY)
    assert (again.id, again.deployments) == (made.id, ("3",)) and platforms.all() == [again]
    assert store.verify().faults == ()


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": ""},
        {"issuer": " https://moodle.example"},
        {"client_id": "c" * 256},
        {"keys_url": "http://moodle.example/certs"},
        {"keys_url": "https://user:pw@moodle.example/certs"},
        {"authorization_url": "javascript:alert(1)"},
        {"token_url": "https://moodle.example:22/token"},
        {"frame_origins": ("https://a.example; script-src *",)},
        {"frame_origins": ("*",)},
        {"deployments": ("1\n2",)},
    ],
)
def test_an_unusable_detail_is_refused(store: Store, change: dict[str, Any]) -> None:
    with pytest.raises(LtiError) as caught:
        Platforms(store, "test").register(details(**change), POLICY)
    assert caught.value.code == "lti-registration" and Platforms(store).all() == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/x", "https://a.example"),
        ("https://a.example:443/x", "https://a.example"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("canvas.example", None),
        ("https://a.example:x", None),
        ("https://a;b/", None),
    ],
)
def test_the_origin_of_a_url(url: str, expected: str | None) -> None:
    assert origin(url) == expected
