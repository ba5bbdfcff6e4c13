"""A service without keys binds to loopback only."""

import io
from typing import Any

import pytest
from rich.console import Console

from grader.service.service import _require_keys
from serving.store.access.roles import Role
from serving.store.store import open_store
from tests.harness.errors import raises_code


@pytest.fixture
def store(tmp_path: Any) -> Any:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "::", "grader.example"])
def test_a_public_address_requires_a_key(host: str, store: Any) -> None:
    with raises_code("api-key-required", "grader keys create"):
        _require_keys(store, host, [], Console(file=io.StringIO()))
    _, key = store.create_key("ta", Role.TA, None, actor="test")
    _require_keys(store, host, [], Console(file=io.StringIO()))
    store.revoke_key(key.id, actor="test")
    _require_keys(store, host, [], Console(file=io.StringIO()))  # a revoked key still makes the service require one


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_loopback_address_without_keys_is_a_warning(host: str, store: Any) -> None:
    output = io.StringIO()
    _require_keys(store, host, [], Console(file=output, width=300))
    assert "--role platform|ta|admin" in output.getvalue()


def test_web_pages_of_other_origins_require_a_key(store: Any) -> None:
    with raises_code("api-key-required", "grader keys create"):
        _require_keys(store, "127.0.0.1", ["https://course.example"], Console(file=io.StringIO()))
