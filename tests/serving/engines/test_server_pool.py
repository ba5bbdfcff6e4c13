"""Which servers an engine uses: those of its own model, with its adapter, in a stable order with back-off."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from labs_schema.errors import ModelError
from serving.engines.engine import EngineDownError, EngineOptions, LabelScores, ScoreRequest
from serving.engines.http_engine import HttpEngine
from serving.engines.server_pool import ServerOrder
from tests.harness.errors import raises_code

ONE, TWO, BASE, OTHER = "1" * 16, "2" * 16, "b" * 16, "4" * 16
SCORES = [LabelScores((-1.0, -2.0))]


def request(first: int = 5) -> list[ScoreRequest]:
    return [ScoreRequest((first, 6, 7), (1, 2))]


def course_engine(servers: Any, model: str, adapter: Path | None = None, name: str = "", patience: float = 0.5) -> Any:
    """An engine of one of several courses, as `grader serve` opens it."""
    hashes = {"model_hash": model * 4, "adapter": adapter, "adapter_hash": name}
    return servers.engine(patience=patience, skip_other_models=True, **hashes)


def models_sent(servers: Any) -> set[tuple[str, str]]:
    """URL and model of all completions."""
    return {(url, body["model"]) for url, sent in servers.requests.items() for body in sent}


def test_the_same_key_prefers_the_same_server_again_after_a_failure() -> None:
    now = 0.0
    servers = ServerOrder(["http://a", "http://b/"], clock=lambda: now)
    keys = [str(n).encode() for n in range(50)]
    before = [servers.order(key)[0] for key in keys]
    assert set(before) == {"http://a", "http://b"}
    servers.failed("http://a")
    assert {servers.order(key)[0] for key in keys} == {"http://b"}
    now = 5.0
    assert [servers.order(key)[0] for key in keys] == before


def test_removing_a_server_moves_only_its_own_keys() -> None:
    keys = [str(n).encode() for n in range(200)]
    three, two = ServerOrder(["http://a", "http://b", "http://c"]), ServerOrder(["http://a", "http://b"])
    moved = [key for key in keys if three.order(key)[0] != two.order(key)[0]]
    assert moved and all(three.order(key)[0] == "http://c" for key in moved)


def test_back_off_doubles_with_each_failure_up_to_its_cap() -> None:
    now = 0.0
    servers = ServerOrder(["http://a", "http://b"], clock=lambda: now)
    for seconds in (5, 10, 20, 40, 60, 60):
        servers.failed("http://a")
        servers.failed("http://a")  # the same failure, seen by another thread
        now += seconds - 1
        assert servers.order(b"0")[-1] == "http://a" and servers.order(b"2")[-1] == "http://a"
        now += 1
    servers.answered("http://a")
    servers.failed("http://a")
    now += 5
    assert {servers.order(str(n).encode())[0] for n in range(20)} == {"http://a", "http://b"}


@pytest.mark.parametrize(("models", "message"), [(("", ""), "no engine server answers"), (("m", "n"), "expected this")])
def test_unreachable_or_different_servers_are_rejected(models: Sequence[str], message: str, fake_servers: Any) -> None:
    servers = fake_servers(a="m", b="m")
    servers.models = {f"http://{host}": [model] if model else [] for host, model in zip("ab", models, strict=True)}
    client = httpx.Client(transport=httpx.MockTransport(servers))
    with pytest.raises(ModelError, match=message):
        HttpEngine(list(servers.models), EngineOptions(weights="w", tokenizer="w"), client=client)
    assert client.is_closed


def test_servers_of_two_vllm_versions_are_rejected(fake_servers: Any) -> None:
    servers = fake_servers(a="m", b="m")
    servers.versions["http://b"] = "0.33.0"
    with raises_code("other-engine-servers", r"0\.32\.0.*0\.33\.0"):
        servers.engine()


def test_a_server_of_another_model_is_rejected_with_the_command_to_start(fake_servers: Any) -> None:
    servers = fake_servers(a="m")
    with raises_code("other-engine-servers", f"vllm serve run/merged --served-model-name {ONE} "):
        servers.engine(model_hash=ONE * 4)
    servers.models["http://a"] = [ONE]
    assert servers.engine(model_hash=ONE * 4).model == ONE


def test_a_course_uses_only_servers_of_its_own_model(fake_servers: Any) -> None:
    servers = fake_servers(a=ONE, b=TWO, c=ONE)
    for model, hosts in ((ONE, {"http://a", "http://c"}), (TWO, {"http://b"})):
        engine = course_engine(servers, model)
        assert all(engine.score(request(n)) == SCORES for n in range(20))
        assert {url for url, name in models_sent(servers) if name == model} == hosts
    with raises_code("other-engine-servers"):
        course_engine(servers, "3" * 16)


def test_each_adapter_is_loaded_onto_its_base_and_requests_name_it(fake_servers: Any, adapter: Path) -> None:
    servers = fake_servers("a", a=BASE, b=TWO)
    one, other = (course_engine(servers, BASE, adapter, name) for name in (ONE, OTHER))
    assert servers.models["http://a"] == [BASE, ONE, OTHER] and set(servers.loaded) == {str(adapter)}
    for engine in (one, other, one):
        assert engine.score(request()) == SCORES
    assert [body["model"] for body in servers.requests["http://a"]] == [ONE, OTHER, ONE]
    assert not servers.requests["http://b"]


def test_the_base_itself_is_never_requested_from_a_server_with_adapters(fake_servers: Any, adapter: Path) -> None:
    servers = fake_servers("a", a=BASE, b=BASE)
    base, tuned = course_engine(servers, BASE), course_engine(servers, BASE, adapter, ONE)
    for n in range(10):
        assert base.score(request(n)) == tuned.score(request(n))
    assert models_sent(servers) == {("http://b", BASE), ("http://a", ONE)}
    servers.lora.add("http://b")
    with raises_code("other-engine-servers"):
        course_engine(servers, BASE)
    servers.lora.clear()
    servers.models["http://b"] += ["loaded at start"]
    servers.models["http://a"] = [TWO]
    with raises_code("other-engine-servers"):
        course_engine(servers, BASE)


def test_a_restarted_server_loads_the_adapter_again(fake_servers: Any, adapter: Path) -> None:
    servers = fake_servers("a", a=BASE)
    engine = course_engine(servers, BASE, adapter, ONE, patience=5)
    assert engine.score(request()) == SCORES
    servers.models["http://a"] = [BASE]
    assert engine.score(request()) == SCORES
    assert servers.models["http://a"] == [BASE, ONE]


def test_a_server_that_returns_with_another_base_is_not_used(fake_servers: Any, adapter: Path) -> None:
    servers = fake_servers("a", "b", a=BASE, b=BASE)
    servers.models["http://a"] = []
    engine = course_engine(servers, BASE, adapter, ONE)
    for changed, right in (("http://a", "http://b"), ("http://b", "http://a")):
        servers.models[changed], servers.models[right] = [TWO], [BASE, ONE]
        assert [engine.score(request(n)) for n in range(10)] == [SCORES] * 10
        assert servers.models[changed] == [TWO]
    servers.models["http://a"] = [TWO]
    with pytest.raises(EngineDownError, match=f"now serves {TWO} .*expected {BASE} "):
        engine.score(request())
    assert servers.models["http://a"] == [TWO]


def test_a_missing_or_unsupported_adapter_is_rejected(fake_servers: Any, adapter: Path) -> None:
    servers = fake_servers("a", a=BASE)
    with raises_code("bad-adapter"):
        course_engine(servers, BASE, adapter / "none", ONE)
    assert servers.loaded == []
    servers.load_error = "LoRA rank 128 is greater than max_lora_rank 64"
    with raises_code("bad-adapter", f"{adapter}.*http://a.*128"):
        course_engine(servers, BASE, adapter, ONE)
    servers.lora.clear()
    with raises_code("other-engine-servers", "VLLM_ALLOW_RUNTIME_LORA_UPDATING"):
        course_engine(servers, BASE, adapter, ONE)
