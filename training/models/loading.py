"""Loads base models and tokenizers, and configures LoRA."""

import logging
import os
from importlib.util import find_spec
from typing import Any

import torch
from peft import LoraConfig
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig

from labs_schema.errors import ModelError
from training.config import RunConfig


def load_model(source: str, *, dtype: torch.dtype, load_in_4bit: bool = False) -> Any:
    """A causal language model with weights in `dtype`, or in 4-bit NF4 with double quantisation (QLoRA,
    Dettmers et al. 2023) computing in bfloat16. Raises ModelError."""
    settings: dict[str, Any] = {"dtype": dtype, "attn_implementation": "sdpa"}
    if load_in_4bit:
        if not torch.cuda.is_available():
            raise ModelError(
                "load_in_4bit needs an NVIDIA GPU. Set it to false, or choose a smaller model.", code="no-gpu"
            )
        if find_spec("bitsandbytes") is None:
            raise ModelError(
                "load_in_4bit needs bitsandbytes: pip install 'grader[qlora]'. Or set it to false.",
                code="missing-package",
            )
        settings["device_map"] = {"": int(os.environ.get("LOCAL_RANK", "0"))}
        settings["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    try:
        return AutoModelForCausalLM.from_pretrained(source, **settings)
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(f"{source}: cannot load the model: {_first_line(error)}", code="bad-weights") from error


def context_length_of(source: str, cap: int | None = None) -> int:
    """The context length of the model at `source` in tokens, at most `cap`. Raises ModelError."""
    try:
        own = int(AutoConfig.from_pretrained(source).max_position_embeddings)
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(
            f"{source}: cannot read its context length: {_first_line(error)}", code="bad-weights"
        ) from error
    return own if cap is None else min(own, cap)


def lora_config(model: Any, targets: tuple[str, ...], config: RunConfig) -> LoraConfig:
    """LoRA (Hu et al. 2021) on the layers `targets`, optionally rsLoRA (scaled by alpha / sqrt(r), Kalajdzievski 2023)
    or DoRA (with a trained magnitude per output, Liu et al. 2024), optionally on the top `lora_layers` only. Raises
    ModelError if a target is not a layer of `model`, or it has fewer layers."""
    layers = {name.rsplit(".", 1)[-1] for name, _ in model.named_modules()}
    if missing := sorted(set(targets) - layers):
        raise ModelError(
            f"LoRA targets {', '.join(missing)} do not exist in {type(model).__name__}.", code="run-config"
        )
    return LoraConfig(
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=list(targets),
        task_type="CAUSAL_LM",
        bias="none",
        use_rslora=config.use_rslora,
        use_dora=config.use_dora,
        **_top_layers(model, config.lora_layers),
    )


def _top_layers(model: Any, count: int | None) -> dict[str, Any]:
    if count is None:
        return {}
    layers = model.config.num_hidden_layers
    if count > layers:
        raise ModelError(
            f"lora_layers: the model has {layers} layers, fewer than {count}. Choose at most {layers}.",
            code="run-config",
        )
    return {"layers_to_transform": list(range(layers - count, layers)), "layers_pattern": "layers"}


def empty_model(source: str) -> Any:
    """The model at `source` on the meta device, without weights, for counting. Raises ModelError."""
    try:
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(source))
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(f"{source}: cannot read its config: {_first_line(error)}", code="bad-weights") from error


def use_liger(requested: bool) -> bool:
    """Liger kernels only if they are installed and there is a GPU. Logs a warning otherwise."""
    available = find_spec("liger_kernel") is not None and torch.cuda.is_available()
    if requested and not available:
        logging.getLogger(__name__).warning("use_liger_kernel is ignored: liger_kernel or a GPU is missing")
    return requested and available


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
