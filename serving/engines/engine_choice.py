"""Chooses and opens an engine by name."""

from importlib.util import find_spec
from typing import Any, Literal

from labs_schema.errors import ModelError
from labs_schema.limits import EngineLimits
from serving.engines.adapters import SharedBases
from serving.engines.engine import Engine, EngineOptions

EngineName = str
"""`auto`, `vllm`, `vllm-compiled`, `transformers`, or comma-separated URLs of `vllm serve` processes."""
COMPILED = "vllm-compiled"


def choose_engine(name: EngineName) -> Literal["vllm", "transformers", "http"]:
    """`auto` is vLLM if it is installed, otherwise transformers. Raises ModelError for an unknown name."""
    if name in ("vllm", COMPILED) or (name == "auto" and find_spec("vllm")):
        return "vllm"
    if name in ("auto", "transformers"):
        return "transformers"
    if all(address.startswith(("http://", "https://")) for address in name.split(",")):
        return "http"
    raise ModelError(
        f"{name}: unknown engine. Expected auto, vllm, {COMPILED}, transformers, or URLs of vLLM servers such as "
        "http://127.0.0.1:8001,http://127.0.0.1:8002",
        code="unknown-engine",
    )


def open_engine(
    name: EngineName,
    options: EngineOptions,
    *,
    bases: SharedBases[Any] | None = None,
    skip_other_models: bool = False,
) -> Engine:
    """Loads a model (seconds to minutes), or connects to servers that have loaded it.

    `bases`: adapters in this process share the base models in it. `skip_other_models`: ignore servers of other models
    instead of raising.

    Raises ModelError if the engine cannot load the model, or if servers serve another one.
    """
    match choose_engine(name):
        case "vllm":
            return _open_vllm(name, options, bases)
        case "http":
            from serving.engines.http_engine import HttpEngine

            return HttpEngine(name.split(","), options, skip_other_models=skip_other_models)
        case _:
            from serving.engines.transformers_engine import TransformersEngine

            return TransformersEngine(options)


def _open_vllm(name: EngineName, options: EngineOptions, bases: SharedBases[Any] | None) -> Engine:
    from serving.engines.vllm_engine import VllmEngine

    compiled = name == COMPILED
    if options.adapter is None or bases is None:
        return VllmEngine(options, compiled=compiled)

    def open_base() -> VllmEngine:
        return VllmEngine(options, compiled=compiled, max_rank=EngineLimits().shared_adapter_rank)

    base = options.model_hash, options.context_length, options.dtype
    engine: Engine = bases.engine(base, options.adapter, options.adapter_hash, open_base)
    return engine
