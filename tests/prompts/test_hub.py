"""Who is offline is told at once, or gets the model from the cache at once; whose hub answers notices nothing."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from transformers import AutoTokenizer

from labs_schema.errors import ModelError
from prompts.hub import check_available

MODEL = "someone/model"


@pytest.fixture(autouse=True)
def nothing_cached(dead_hub: Path) -> None:
    """And nothing is taken from outside."""


def ask_at(monkeypatch: pytest.MonkeyPatch, hub: str) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", hub)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub + "/{repo_id}/resolve/{revision}/{filename}")


class Hub(HTTPServer):
    """Says `status` to everything and notes what it was asked."""

    status, error, asked = 200, "", 0


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.server.asked += 1
        self.send_response(self.server.status)
        self.send_header("X-Error-Code", self.server.error)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        ask_at(monkeypatch, f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()
        thread.join()


def test_who_reaches_no_hub_is_told_at_once_what_was_tried_and_how_to_mend_it(dead_hub: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(ModelError) as told:
        check_available(MODEL)
    assert time.monotonic() - begun < 20
    for word in (MODEL, "http://127.0.0.1:9", str(dead_hub), "refused", "--model", "HF_HOME", "HF_ENDPOINT"):
        assert word in str(told.value)


def test_a_hub_that_never_answers_is_waited_for_as_long_as_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ask_at(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "0.2")
        with pytest.raises(ModelError, match=r"asked once for at most 0\.2 s, gave no answer"):
            check_available(MODEL)


def test_offline_by_choice_asks_nobody(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set or the hub gave no answer before"):
        check_available(MODEL)
    assert hub.asked == 0


@pytest.mark.parametrize("source", ["org/na me", "org/.."])
def test_what_can_be_no_model_s_name_is_told_as_such(hub: Hub, source: str) -> None:
    with pytest.raises(ModelError, match=f"{source}: no such folder, and no name of a model on a hub"):
        check_available(source)
    assert hub.asked == 0


def test_a_folder_is_asked_of_nobody(hub: Hub, tmp_path: Path) -> None:
    check_available(str(tmp_path))
    assert hub.asked == 0


def test_a_model_in_the_cache_of_who_is_offline_is_taken_without_asking_again(
    cached_model: str, byte_tokenizer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    begun = time.monotonic()
    check_available(cached_model)
    assert f"{cached_model} is taken from the cache: http://127.0.0.1:9, asked once" in caplog.text
    assert AutoTokenizer.from_pretrained(cached_model).get_vocab() == byte_tokenizer.get_vocab()
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("status", [200, 404, 429, 503])
def test_what_a_hub_answers_otherwise_is_left_to_the_download(hub: Hub, status: int) -> None:
    hub.status = status
    hub.error = "EntryNotFound" if status == 404 else ""
    check_available(MODEL)
    assert hub.asked == 1


@pytest.mark.parametrize("error", ["RepoNotFound", "GatedRepo"])
def test_a_model_that_the_hub_keeps_to_itself_is_named_with_the_way_in(hub: Hub, error: str) -> None:
    hub.status, hub.error = 403, error
    with pytest.raises(ModelError, match=f"{MODEL}: .*does not give it to you.*licence.*hf auth login"):
        check_available(MODEL)
