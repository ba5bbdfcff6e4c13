"""Who is offline is told at once; whose hub answers, or has the model already, notices nothing."""

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
from training.config import RunConfig
from training.hub import check_reachable
from training.inputs import open_inputs

MODEL = "someone/model"


@pytest.fixture(autouse=True)
def nothing_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    ask_at(monkeypatch, "http://127.0.0.1:9")


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


def test_a_run_whose_hub_is_dead_ends_at_once_and_says_what_was_tried_and_how_to_mend_it(
    tmp_path: Path, make_lab: Any, write_dataset: Any
) -> None:
    data = write_dataset(make_lab(students=2), tmp_path / "data")
    begun = time.monotonic()
    with pytest.raises(ModelError) as told:
        open_inputs(RunConfig.model_validate({"model": MODEL, "dataset": str(data), "dpo": {}}))
    assert time.monotonic() - begun < 5
    for word in (MODEL, "http://127.0.0.1:9", str(tmp_path / "hub"), "refused", "--model", "HF_HOME", "HF_ENDPOINT"):
        assert word in str(told.value)


def test_a_hub_that_never_answers_is_waited_for_as_long_as_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ask_at(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "0.2")
        with pytest.raises(ModelError, match=r"asked once for at most 0\.2 s, gave no answer"):
            check_reachable(MODEL)


def test_offline_by_choice_asks_nobody(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set, so no hub was asked"):
        check_reachable(MODEL)
    assert hub.asked == 0


def test_a_folder_and_a_cached_model_are_asked_of_nobody(tmp_path: Path) -> None:
    check_reachable(str(tmp_path))
    cached = tmp_path / "hub/models--someone--model"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs/main").write_text("0" * 40)
    (cached / "snapshots" / ("0" * 40)).mkdir(parents=True)
    (cached / "snapshots" / ("0" * 40) / "config.json").write_text("{}")
    check_reachable(MODEL)


@pytest.mark.parametrize("status", [200, 404, 429, 503])
def test_what_a_hub_answers_otherwise_is_left_to_the_download(hub: Hub, status: int) -> None:
    hub.status = status
    hub.error = "EntryNotFound" if status == 404 else ""
    check_reachable(MODEL)
    assert hub.asked == 1


@pytest.mark.parametrize("error", ["RepoNotFound", "GatedRepo"])
def test_a_model_that_the_hub_keeps_to_itself_is_named_with_the_way_in(hub: Hub, error: str) -> None:
    hub.status, hub.error = 403, error
    with pytest.raises(ModelError, match=f"{MODEL}: .*does not give it to you.*hf auth login"):
        check_reachable(MODEL)
