"""The service does not open itself to other machines without a key."""

import io
from typing import Any

import pytest
from rich.console import Console

from grader.service.service import _require_keys
from labs_schema.errors import GraderError
from serving.store.roles import Role
from serving.store.store import open_store


@pytest.fixture
def store(tmp_path: Any) -> Any:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "::", "grader.example"])
def test_without_a_key_it_serves_no_other_machine_and_says_how_to_make_one(host: str, store: Any) -> None:
    with pytest.raises(GraderError, match="grader keys create"):
        _require_keys(store, host, Console(file=io.StringIO()))
    _, key = store.create_key("ta", Role.TA, None, actor="test")
    _require_keys(store, host, Console(file=io.StringIO()))
    store.revoke_key(key.id, actor="test")
    _require_keys(store, host, Console(file=io.StringIO()))  # Revoked keys leave it closed, not open.


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_this_machine_it_warns(host: str, store: Any) -> None:
    said = io.StringIO()
    _require_keys(store, host, Console(file=said, width=300))
    assert "no API keys" in said.getvalue() and "--role platform|ta|admin" in said.getvalue()
