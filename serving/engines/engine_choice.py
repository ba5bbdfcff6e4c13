"""Opens an engine by name. The only place that knows which engines there are."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from labs_schema.errors import ModelError
from serving.engines.adapters import SHARED_RANK, AdapterBases
from serving.engines.engine import Engine

EngineName = str
"""`auto`, `vllm`, `vllm-compiled`, `transformers`, or addresses of `vllm serve` processes with commas between."""
COMPILED = "vllm-compiled"


def choose_engine(name: EngineName) -> Literal["vllm", "transformers", "http"]:
    """`auto` is vLLM where it is installed, else transformers. Raises ModelError for a name that is none."""
    if name in ("vllm", COMPILED) or (name == "auto" and find_spec("vllm")):
        return "vllm"
    if name in ("auto", "transformers"):
        return "transformers"
    if all(address.startswith(("http://", "https://")) for address in name.split(",")):
        return "http"
    raise ModelError(
        f"{name}: not an engine. Expected auto, vllm, {COMPILED}, transformers or the addresses of vLLM servers, such "
        "as http://127.0.0.1:8001,http://127.0.0.1:8002"
    )


def open_engine(
    name: EngineName,
    weights: str,
    *,
    tokenizer: str,
    context_length: int | None = None,
    dtype: str = "bfloat16",
    adapter: Path | None = None,
    model_hash: str = "",
    adapter_hash: str = "",
    bases: AdapterBases[Any] | None = None,
    among: bool = False,
) -> Engine:
    """Loads a model, which takes seconds to minutes, or reaches for servers that have. vLLM takes an `adapter`, whose
    weights with the base's are `adapter_hash`; in this process, on a base of `bases` where that is open already.
    Servers keep the dtype that they were started with, and must serve `weights` under the start of its `model_hash`;
    `among` others, those that serve another model are left out.

    Raises ModelError where the engine cannot load it, or where servers serve another model.
    """
    chosen = choose_engine(name)
    if chosen == "vllm":
        from serving.engines.vllm_engine import VllmEngine

        given: Any = {
            "tokenizer": tokenizer,
            "context_length": context_length,
            "dtype": dtype,
            "compiled": name == COMPILED,
        }
        if adapter is None:
            return VllmEngine(weights, **given)
        given |= {"adapter": adapter, "adapter_name": adapter_hash or "adapter"}
        if bases is None:
            return VllmEngine(weights, **given)
        base = model_hash, context_length, dtype
        opened: Engine = bases.carry(
            base, adapter, adapter_hash, lambda: VllmEngine(weights, **given, most_rank=SHARED_RANK)
        )
        return opened
    if chosen == "http":
        from serving.engines.http_engine import HttpEngine
        from serving.engines.model_servers import NAME_CHARS

        return HttpEngine(
            name.split(","),
            weights=weights,
            model_hash=model_hash,
            context_length=context_length,
            among=among,
            adapter=(adapter_hash[:NAME_CHARS], adapter) if adapter else None,
        )
    from serving.engines.transformers_engine import TransformersEngine

    return TransformersEngine(weights, tokenizer=tokenizer, context_length=context_length, dtype=dtype)
