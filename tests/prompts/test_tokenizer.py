"""The hub check: an unreachable hub fails fast or falls back to the cache; a reachable one gets a single request."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from labs_schema.errors import ModelError
from prompts.tokenizer import check_available, load_tokenizer
from tests.harness.errors import raises_code

MODEL = "someone/model"


@pytest.fixture(autouse=True)
def empty_cache(dead_hub: Path) -> None:
    """An empty cache and an unreachable hub, unless a test sets another."""


def set_hub(monkeypatch: pytest.MonkeyPatch, hub: str) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", hub)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub + "/{repo_id}/resolve/{revision}/{filename}")


class Hub(HTTPServer):
    """Answers every request with `status` and counts them."""

    status, error, requests = 200, "", 0


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.server.requests += 1
        self.send_response(self.server.status)
        self.send_header("X-Error-Code", self.server.error)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        set_hub(monkeypatch, f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()
        thread.join()


def test_unreachable_hub_fails_fast_and_lists_the_remedies(dead_hub: Path) -> None:
    start = time.monotonic()
    with pytest.raises(ModelError) as error:
        check_available(MODEL)
    assert time.monotonic() - start < 20
    for word in (MODEL, "http://127.0.0.1:9", str(dead_hub), "refused", "--model", "HF_HOME", "HF_ENDPOINT"):
        assert word in str(error.value)


def test_unresponsive_hub_times_out_after_the_configured_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unresponsive:
        set_hub(monkeypatch, f"http://127.0.0.1:{unresponsive.getsockname()[1]}")
        monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "0.2")
        with raises_code("model-not-found", r"0\.2 s"):
            check_available(MODEL)


def test_offline_mode_sends_no_request(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with raises_code("model-not-found", "HF_HUB_OFFLINE"):
        check_available(MODEL)
    assert hub.requests == 0


@pytest.mark.parametrize("source", ["org/na me", "org/.."])
def test_invalid_model_name_is_rejected_without_a_request(hub: Hub, source: str) -> None:
    with raises_code("model-not-found", source):
        check_available(source)
    assert hub.requests == 0


def test_model_folder_needs_no_request(hub: Hub, tmp_path: Path) -> None:
    check_available(str(tmp_path))
    assert hub.requests == 0


def test_cached_model_is_loaded_without_further_requests(
    cached_model: str, byte_tokenizer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    start = time.monotonic()
    check_available(cached_model)
    assert f"{cached_model} is loaded from the cache" in caplog.text
    assert load_tokenizer(cached_model).get_vocab() == byte_tokenizer.get_vocab()
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("status", [200, 404, 429, 503])
def test_other_http_statuses_are_left_to_the_download(hub: Hub, status: int) -> None:
    hub.status = status
    hub.error = "EntryNotFound" if status == 404 else ""
    check_available(MODEL)
    assert hub.requests == 1


@pytest.mark.parametrize("error", ["RepoNotFound", "GatedRepo"])
def test_private_or_gated_model_names_the_login_command(hub: Hub, error: str) -> None:
    hub.status, hub.error = 403, error
    with raises_code("model-not-found", f"{MODEL}.*hf auth login"):
        check_available(MODEL)


def test_missing_tokenizer_raises_model_error(tmp_path: Path) -> None:
    with raises_code("bad-tokenizer"):
        load_tokenizer(str(tmp_path))
