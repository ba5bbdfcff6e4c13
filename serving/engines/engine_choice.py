"""Opens an engine by name. The only place that knows which engines there are."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from serving.engines.engine import Engine

EngineName = Literal["auto", "vllm", "transformers"]


def choose_engine(name: EngineName) -> Literal["vllm", "transformers"]:
    """`auto` is vLLM where it is installed, else transformers."""
    if name != "auto":
        return name
    return "vllm" if find_spec("vllm") else "transformers"


def open_engine(
    name: EngineName,
    weights: str,
    *,
    tokenizer: str,
    context_length: int | None = None,
    dtype: str = "bfloat16",
    adapter: Path | None = None,
) -> Engine:
    """Loads a model; takes seconds to minutes. Arguments as those of the engines; only vLLM takes an `adapter`.

    Raises ModelError where the engine cannot load it.
    """
    if choose_engine(name) == "vllm":
        from serving.engines.vllm_engine import VllmEngine

        return VllmEngine(weights, tokenizer=tokenizer, context_length=context_length, dtype=dtype, adapter=adapter)
    from serving.engines.transformers_engine import TransformersEngine

    return TransformersEngine(weights, tokenizer=tokenizer, context_length=context_length, dtype=dtype)
