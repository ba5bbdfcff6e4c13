"""Servers that several courses share: each course asks those of its own model, or its adapter on their common base."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from labs_schema.errors import ModelError
from serving.engines.engine import LabelScores, ScoreRequest
from serving.engines.http_engine import HttpEngine

ONE, TWO, BASE = "1" * 16, "2" * 16, "b" * 16
ASKED = [ScoreRequest((5, 6, 7), (1, 2))]


class Servers:
    """Servers by address, each with the models that it lists, its base first. `lora`: whether it takes adapters."""

    def __init__(self, **models: str) -> None:
        self.models = {f"http://{host}": [model] for host, model in models.items()}
        self.lora = True
        self.asked: list[tuple[str, str]] = []
        self.loaded: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        url = f"{request.url.scheme}://{request.url.host}"
        if not self.models[url]:
            raise httpx.ConnectError("down")
        if request.url.path == "/v1/models":
            return httpx.Response(200, json={"data": [{"id": m, "max_model_len": 100} for m in self.models[url]]})
        if request.url.path == "/version":
            return httpx.Response(200, json={"version": "0.32.0"})
        body = json.loads(request.content)
        if request.url.path == "/v1/load_lora_adapter":
            if not self.lora:
                return httpx.Response(404)
            self.loaded.append(body["lora_path"])
            self.models[url].append(body["lora_name"])
            return httpx.Response(200)
        self.asked.append((url, body["model"]))
        if body["model"] not in self.models[url]:
            return httpx.Response(404, json={"error": {"message": "no such model"}})
        choice: dict[str, Any] = {"index": 0, "finish_reason": "length"}
        choice["logprobs"] = {"top_logprobs": [{"token_id:1": -1.0, "token_id:2": -2.0}]}
        return httpx.Response(200, json={"choices": [choice]})

    def engine(self, model: str, adapter: tuple[str, Path] | None = None) -> HttpEngine:
        client = httpx.Client(transport=httpx.MockTransport(self))
        return HttpEngine(
            list(self.models), model_hash=model * 4, among=True, adapter=adapter, patience=0, client=client
        )


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    (tmp_path / "adapter_config.json").write_text('{"r": 16}')
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    return tmp_path


def test_a_course_asks_only_the_servers_of_its_own_weights() -> None:
    servers = Servers(a=ONE, b=TWO, c=ONE)
    for model, hosts in ((ONE, {"http://a", "http://c"}), (TWO, {"http://b"})):
        servers.asked.clear()
        engine = servers.engine(model)
        assert all(engine.score([ScoreRequest((n, 6, 7), (1, 2))]) == [LabelScores((-1.0, -2.0))] for n in range(20))
        assert set(servers.asked) == {(host, model) for host in hosts}
    with pytest.raises(ModelError, match="not this model"):
        servers.engine("3" * 16)


def test_adapters_are_put_on_the_servers_of_their_base_and_each_call_names_one(adapter: Path) -> None:
    servers = Servers(a=BASE, b=TWO)
    one, other = servers.engine(BASE, (ONE, adapter)), servers.engine(BASE, ("4" * 16, adapter))
    assert servers.models["http://a"] == [BASE, ONE, "4" * 16] and servers.loaded == [str(adapter)] * 2
    for engine in (one, other, one):
        assert engine.score(ASKED) == [LabelScores((-1.0, -2.0))]
    assert servers.asked == [("http://a", ONE), ("http://a", "4" * 16), ("http://a", ONE)]


def test_a_server_that_comes_back_without_the_adapter_is_told_again(adapter: Path) -> None:
    servers = Servers(a=BASE)
    engine = servers.engine(BASE, (ONE, adapter))
    servers.models["http://a"] = [BASE]
    assert engine.score(ASKED) == [LabelScores((-1.0, -2.0))]
    assert servers.models["http://a"] == [BASE, ONE]


def test_an_adapter_that_is_missing_or_that_no_server_takes_is_refused(adapter: Path) -> None:
    servers = Servers(a=BASE)
    with pytest.raises(ModelError, match="no LoRA adapter"):
        servers.engine(BASE, (ONE, adapter / "none"))
    assert servers.loaded == []
    servers.lora = False
    with pytest.raises(ModelError, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING"):
        servers.engine(BASE, (ONE, adapter))
