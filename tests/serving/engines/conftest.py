"""Real engines that are started once per test session, LoRA adapters, and fake vLLM servers."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest

from labs_schema.limits import TransportLimits
from serving.engines.adapters import SharedBases
from serving.engines.engine import Engine, EngineOptions, LabelScores, ScoreRequest
from serving.engines.engine_choice import open_engine
from serving.engines.http_engine import HttpEngine
from serving.engines.transformers_engine import TransformersEngine
from serving.engines.vllm_engine import VllmEngine

Handler = Callable[[dict[str, Any]], httpx.Response]
ADAPTERS = {"one": (1, 5), "two": (2, 16)}
"""Adapter -> seed and rank."""


def options(folder: Path, **changes: Any) -> EngineOptions:
    return EngineOptions(weights=str(folder), tokenizer=str(folder), **changes)


@dataclass
class EngineCase:
    """An engine, the folder with its (merged) weights, and how far its probabilities may be from theirs."""

    engine: Engine
    weights: Path
    dtype: str
    tolerance: float

    @cached_property
    def _reference(self) -> Any:
        import torch
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_pretrained(self.weights, dtype=getattr(torch, self.dtype)).eval()

    def reference(self, requests: Sequence[ScoreRequest]) -> list[LabelScores]:
        """By a plain forward pass over each prompt alone."""
        import torch

        found = []
        for request in requests:
            with torch.inference_mode():
                row = self._reference(torch.tensor([request.prompt])).logits[0, -1].float().log_softmax(-1)
            found.append(LabelScores(tuple(float(row[label]) for label in request.labels)))
        return found

    @cached_property
    def tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.weights)


@pytest.fixture(scope="session")
def make_adapter() -> Callable[..., None]:
    """`make_adapter(base, folder, seed, rank)`: a LoRA adapter that changes the answers of `base`, in
    `folder`/adapter, and the merged weights in `folder`/merged."""

    def make(base: Path, folder: Path, seed: int, rank: int) -> None:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM, AutoTokenizer

        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
            tuned = get_peft_model(
                model, LoraConfig(r=rank, lora_alpha=64, target_modules=["q_proj", "v_proj", "down_proj"])
            )
            for name, parameter in tuned.named_parameters():
                if "lora_B" in name:
                    torch.nn.init.normal_(parameter, std=0.2)
        tuned.save_pretrained(folder / "adapter")
        tuned.merge_and_unload().save_pretrained(folder / "merged")
        AutoTokenizer.from_pretrained(base).save_pretrained(folder / "merged")

    return make


@pytest.fixture(scope="session")
def adapters(
    tiny_model_folder: Path, make_adapter: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with two adapters of the tiny model, `one` and `two`, each with its merged weights."""
    folder = tmp_path_factory.mktemp("adapters")
    for name, (seed, rank) in ADAPTERS.items():
        make_adapter(tiny_model_folder, folder / name, seed, rank)
    return folder


@pytest.fixture(scope="session")
def confident_model(byte_tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of 8 million random parameters. Its head is not tied to its embeddings, so it has clear preferences."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(byte_tokenizer),
        hidden_size=384,
        intermediate_size=1024,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=3,
        max_position_embeddings=4096,
        initializer_range=0.04,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
    folder = tmp_path_factory.mktemp("confident-model")
    model.save_pretrained(folder)
    byte_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def vllm_engine(confident_model: Path) -> Iterator[VllmEngine]:
    """The in-process engine of this session, in bfloat16."""
    engine = VllmEngine(options(confident_model))
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def open_adapter(tiny_model_folder: Path) -> Callable[[Path, str], VllmEngine]:
    """`open_adapter(folder, name)`: an in-process engine; all of them share one base in float32."""
    bases: SharedBases[VllmEngine] = SharedBases()

    def opened(folder: Path, name: str) -> VllmEngine:
        wanted = options(
            tiny_model_folder, dtype="float32", adapter=folder / "adapter", model_hash="base", adapter_hash=name
        )
        engine = open_engine("vllm", wanted, bases=bases)
        assert isinstance(engine, VllmEngine)
        return engine

    return opened


@pytest.fixture(scope="session")
def adapter_engines(adapters: Path, open_adapter: Callable[[Path, str], VllmEngine]) -> Iterator[dict[str, VllmEngine]]:
    """Adapter -> engine, both on one base."""
    engines = {name: open_adapter(adapters / name, name) for name in ADAPTERS}
    yield engines
    for engine in engines.values():
        engine.close()


@pytest.fixture(scope="session")
def http_engines(lora_server: Any, adapters: Path) -> Iterator[dict[str, HttpEngine]]:
    """Adapter -> engine, both on one `vllm serve`."""
    engines = {name: lora_server.engine(name, adapters / name / "adapter") for name in ADAPTERS}
    yield engines
    for engine in engines.values():
        engine.close()


@pytest.fixture(scope="session")
def engine_case(request: pytest.FixtureRequest, tiny_model_folder: Path) -> EngineCase:
    """Indirect parameter: `transformers`, `vllm`, `vllm-adapter` or `vllm-http`."""
    if request.param == "transformers":
        engine = TransformersEngine(options(tiny_model_folder, dtype="float32"))
        return EngineCase(engine, tiny_model_folder, "float32", 1e-4)
    if request.param == "vllm":
        folder = request.getfixturevalue("confident_model")
        return EngineCase(request.getfixturevalue("vllm_engine"), folder, "bfloat16", 0.02)
    engines = "adapter_engines" if request.param == "vllm-adapter" else "http_engines"
    merged = request.getfixturevalue("adapters") / "one" / "merged"
    return EngineCase(request.getfixturevalue(engines)["one"], merged, "float32", 1e-4)


class FakeServers:
    """vLLM servers by URL, each with its served models, the base first (none: the server is down).

    `lora`: servers that load adapters. `context_length`: of every model. `handlers`: what answers completions.
    `requests`: the bodies that a server got.
    """

    def __init__(self, *lora: str, **models: str) -> None:
        self.models = {f"http://{host}": [model] for host, model in models.items()}
        self.lora = {f"http://{host}" for host in lora}
        self.versions = dict.fromkeys(self.models, "0.32.0")
        self.handlers: dict[str, Handler] = dict.fromkeys(self.models, self.scored)
        self.requests: dict[str, list[dict[str, Any]]] = {url: [] for url in self.models}
        self.loaded: list[str] = []
        self.load_error, self.fingerprint, self.context_length = "", "one", 100

    @staticmethod
    def scored(body: dict[str, Any], finish: str = "length") -> httpx.Response:
        """A completion whose log-probability of label n is -n. The choices come in reverse order, as they may."""
        scores = {f"token_id:{label}": -float(label) for label in body.get("logprob_token_ids", [])}
        choices = [
            {
                "index": i,
                "text": "text",
                "finish_reason": finish,
                "stop_reason": "!",
                "logprobs": {"top_logprobs": [scores]},
            }
            for i in range(len(body["prompt"]))
        ]
        return httpx.Response(200, json={"choices": choices[::-1], "system_fingerprint": body.get("fingerprint")})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        url = f"{request.url.scheme}://{request.url.host}"
        if not self.models[url]:
            raise httpx.ConnectError("down")
        match request.url.path:
            case "/v1/models":
                base, *loaded = self.models[url]
                cards = [
                    {"id": base, "max_model_len": self.context_length},
                    *({"id": each, "parent": base} for each in loaded),
                ]
                return httpx.Response(200, json={"data": cards})
            case "/version":
                return httpx.Response(200, json={"version": self.versions[url]})
            case "/v1/load_lora_adapter":
                return self._load(url, request)
        body = json.loads(request.content)
        self.requests[url].append(body)
        if body["model"] not in self.models[url]:
            return httpx.Response(404, json={"error": {"message": "no such model"}})
        return self.handlers[url](body | {"fingerprint": self.fingerprint})

    def _load(self, url: str, request: httpx.Request) -> httpx.Response:
        if url not in self.lora:
            return httpx.Response(404)
        if request.method == "GET":
            return httpx.Response(405)
        body = json.loads(request.content)
        self.loaded.append(body["lora_path"])
        if self.load_error:
            return httpx.Response(500, json={"error": {"message": self.load_error}})
        self.models[url].append(body["lora_name"])
        return httpx.Response(200)

    def engine(self, *, patience: float = 0.0, skip_other_models: bool = False, **model: Any) -> HttpEngine:
        """An engine over all of them; `model`: fields of its EngineOptions."""
        return HttpEngine(
            list(self.models),
            EngineOptions(**{"weights": "run/merged", "tokenizer": "run/merged"} | model),
            skip_other_models=skip_other_models,
            limits=TransportLimits(patience_seconds=patience),
            client=httpx.Client(transport=httpx.MockTransport(self)),
        )


@pytest.fixture(scope="session")
def fake_servers() -> type[FakeServers]:
    """`fake_servers("a", a="model", b="other")`: servers http://a, which loads adapters, and http://b."""
    return FakeServers


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """A folder that looks like a LoRA adapter of rank 16."""
    (tmp_path / "adapter_config.json").write_text('{"r": 16}')
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    return tmp_path
