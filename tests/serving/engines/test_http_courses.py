"""Servers that several courses share: each course asks those of its own model, or its adapter on their common base."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from labs_schema.errors import ModelError
from serving.engines.engine import EngineDownError, LabelScores, ScoreRequest
from serving.engines.http_engine import HttpEngine

ONE, TWO, BASE = "1" * 16, "2" * 16, "b" * 16
ASKED = [ScoreRequest((5, 6, 7), (1, 2))]
ANSWER = LabelScores((-1.0, -2.0))


class Servers:
    """Servers by address, each with the models that it lists, its base first. `lora`: those that take adapters."""

    def __init__(self, *lora: str, **models: str) -> None:
        self.models = {f"http://{host}": [model] for host, model in models.items()}
        self.lora = {f"http://{host}" for host in lora}
        self.fingerprint, self.refusal = "one", ""
        self.asked: list[tuple[str, str]] = []
        self.loaded: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        url = f"{request.url.scheme}://{request.url.host}"
        if not self.models[url]:
            raise httpx.ConnectError("down")
        if request.url.path == "/v1/models":
            base, *adapters = self.models[url]
            cards = [{"id": base, "max_model_len": 100}, *({"id": each, "parent": base} for each in adapters)]
            return httpx.Response(200, json={"data": cards})
        if request.url.path == "/version":
            return httpx.Response(200, json={"version": "0.32.0"})
        if request.url.path == "/v1/load_lora_adapter" and url not in self.lora:
            return httpx.Response(404)
        if request.method == "GET":
            return httpx.Response(405)
        body = json.loads(request.content)
        if request.url.path == "/v1/load_lora_adapter":
            self.loaded.append(body["lora_path"])
            if self.refusal:
                return httpx.Response(500, json={"error": {"message": self.refusal}})
            self.models[url].append(body["lora_name"])
            return httpx.Response(200)
        self.asked.append((url, body["model"]))
        if body["model"] not in self.models[url]:
            return httpx.Response(404, json={"error": {"message": "no such model"}})
        choice: dict[str, Any] = {"index": 0, "finish_reason": "length"}
        choice["logprobs"] = {"top_logprobs": [{"token_id:1": -1.0, "token_id:2": -2.0}]}
        return httpx.Response(200, json={"choices": [choice], "system_fingerprint": self.fingerprint})

    def engine(self, model: str, adapter: tuple[str, Path] | None = None, patience: float = 0.5) -> HttpEngine:
        client = httpx.Client(transport=httpx.MockTransport(self))
        return HttpEngine(
            list(self.models), model_hash=model * 4, among=True, adapter=adapter, patience=patience, client=client
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
        assert all(engine.score([ScoreRequest((n, 6, 7), (1, 2))]) == [ANSWER] for n in range(20))
        assert set(servers.asked) == {(host, model) for host in hosts}
    with pytest.raises(ModelError, match="not this model"):
        servers.engine("3" * 16)


def test_adapters_are_put_on_the_servers_of_their_base_and_each_call_names_one(adapter: Path) -> None:
    servers = Servers("a", a=BASE, b=TWO)
    one, other = servers.engine(BASE, (ONE, adapter)), servers.engine(BASE, ("4" * 16, adapter))
    assert servers.models["http://a"] == [BASE, ONE, "4" * 16] and set(servers.loaded) == {str(adapter)}
    for engine in (one, other, one):
        assert engine.score(ASKED) == [ANSWER]
    assert servers.asked == [("http://a", ONE), ("http://a", "4" * 16), ("http://a", ONE)]


def test_a_base_is_never_asked_of_a_server_that_puts_adapters_on_it(adapter: Path) -> None:
    servers = Servers("a", a=BASE, b=BASE)
    base, tuned = servers.engine(BASE), servers.engine(BASE, (ONE, adapter))
    for n in range(10):
        assert base.score([ScoreRequest((n, 6, 7), (1, 2))]) == tuned.score([ScoreRequest((n, 6, 7), (1, 2))])
    assert set(servers.asked) == {("http://b", BASE), ("http://a", ONE)}
    servers.lora.add("http://b")
    with pytest.raises(ModelError, match="with an adapter's weights"):
        servers.engine(BASE)
    servers.lora.clear()
    servers.models["http://b"] += ["named when it was started"]
    servers.models["http://a"] = [TWO]
    with pytest.raises(ModelError, match="with an adapter's weights"):
        servers.engine(BASE)


def test_a_server_that_comes_back_without_the_adapter_is_told_again(adapter: Path) -> None:
    servers = Servers("a", a=BASE)
    engine = servers.engine(BASE, (ONE, adapter), patience=5)
    assert engine.score(ASKED) == [ANSWER]
    servers.models["http://a"] = [BASE]
    assert engine.score(ASKED) == [ANSWER]
    assert servers.models["http://a"] == [BASE, ONE]


def test_a_server_that_comes_back_with_another_base_is_neither_asked_nor_told_to_put_the_adapter_on(
    adapter: Path,
) -> None:
    servers = Servers("a", "b", a=BASE, b=BASE)
    servers.models["http://a"] = []
    engine = servers.engine(BASE, (ONE, adapter))
    for here, there in (("http://a", "http://b"), ("http://b", "http://a")):
        servers.models[here], servers.models[there] = [TWO], [BASE, ONE]
        assert [engine.score([ScoreRequest((n, 6, 7), (1, 2))]) for n in range(10)] == [[ANSWER]] * 10
        assert servers.models[here] == [TWO]
    servers.models["http://a"] = [TWO]
    with pytest.raises(EngineDownError, match=f"it serves {TWO} of 100 tokens .* where {BASE} of 100 tokens"):
        engine.score(ASKED)
    assert servers.models["http://a"] == [TWO]


def test_an_answer_of_a_server_that_was_started_with_other_settings_between_two_questions_is_no_answer() -> None:
    servers = Servers(a=ONE)
    engine, hasty = servers.engine(ONE, patience=5), servers.engine(ONE, patience=0)
    assert engine.score(ASKED) == hasty.score(ASKED) == [ANSWER]
    servers.fingerprint = "two"
    with pytest.raises(EngineDownError, match="started anew"):
        hasty.score(ASKED)
    assert engine.score(ASKED) == [ANSWER]  # it was looked at again
    assert len(servers.asked) == 5


def test_an_adapter_that_is_missing_or_that_no_server_takes_is_refused(adapter: Path) -> None:
    servers = Servers("a", a=BASE)
    with pytest.raises(ModelError, match="no LoRA adapter"):
        servers.engine(BASE, (ONE, adapter / "none"))
    assert servers.loaded == []
    servers.refusal = "LoRA rank 128 is greater than max_lora_rank 64"
    with pytest.raises(ModelError, match=f"can put {adapter} on its model: http://a: LoRA rank 128"):
        servers.engine(BASE, (ONE, adapter))
    servers.lora.clear()
    with pytest.raises(ModelError, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING"):
        servers.engine(BASE, (ONE, adapter))


def test_an_adapter_whose_files_were_changed_answers_no_more(adapter: Path) -> None:
    servers = Servers("a", a=BASE)
    engine = servers.engine(BASE, (ONE, adapter))
    assert engine.score(ASKED) == [ANSWER]
    (adapter / "adapter_model.safetensors").write_bytes(b"other weights")
    with pytest.raises(EngineDownError, match="were changed"):
        engine.score(ASKED)
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(EngineDownError, match="are gone"):
        engine.score(ASKED)
    assert len(servers.asked) == 1
