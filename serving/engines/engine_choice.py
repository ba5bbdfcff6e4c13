"""Opens an engine by name. The only place that knows which engines there are."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from labs_schema.errors import ModelError
from serving.engines.engine import Engine

EngineName = str
"""`auto`, `vllm`, `transformers`, or the addresses of running `vllm serve` processes with commas between them."""


def choose_engine(name: EngineName) -> Literal["vllm", "transformers", "http"]:
    """`auto` is vLLM where it is installed, else transformers. Raises ModelError for a name that is none."""
    if name == "vllm" or (name == "auto" and find_spec("vllm")):
        return "vllm"
    if name in ("auto", "transformers"):
        return "transformers"
    if all(address.startswith(("http://", "https://")) for address in name.split(",")):
        return "http"
    raise ModelError(
        f"{name}: not an engine. Expected auto, vllm, transformers or the addresses of vLLM servers, such as "
        "http://127.0.0.1:8001,http://127.0.0.1:8002"
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
) -> Engine:
    """Loads a model, which takes seconds to minutes, or reaches for servers that have. Only vLLM in this process takes
    an `adapter`; servers keep the dtype that they were started with, and must serve their model under the start of its
    `model_hash`.

    Raises ModelError where the engine cannot load it, or where servers serve another model.
    """
    chosen = choose_engine(name)
    if chosen == "vllm":
        from serving.engines.vllm_engine import VllmEngine

        return VllmEngine(weights, tokenizer=tokenizer, context_length=context_length, dtype=dtype, adapter=adapter)
    if chosen == "http":
        from serving.engines.http_engine import HttpEngine

        return HttpEngine(name.split(","), weights=weights, model_hash=model_hash, context_length=context_length)
    from serving.engines.transformers_engine import TransformersEngine

    return TransformersEngine(weights, tokenizer=tokenizer, context_length=context_length, dtype=dtype)
