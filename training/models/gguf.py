"""Converts GGUF files, also quantized ones, to safetensors that every part of the product loads as any other model."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from labs_schema.errors import ModelError
from labs_schema.frozen import Frozen
from training.quiet_libraries import quiet_libraries

DTYPE = torch.bfloat16
"""The type of the stored weights: half the size of float32, and the type that engines and trainers compute in. For
SmolLM2 in 4 bits, storing it changes the next-token distribution of a program by a KL divergence of 3e-5 and no arg-max
of 171; computing in bfloat16 changes it by 9e-4."""


class ConvertedModel(Frozen):
    """Facts about a converted model. `context_length` in tokens; `licence`: None if the file has none."""

    context_length: int
    parameters: int
    licence: str | None
    tool_versions: dict[str, str]


def convert_gguf(path: Path, out: Path) -> ConvertedModel:
    """Writes the model and tokenizer in the GGUF file `path` to the folder `out`.

    Holds all weights in float32 in memory: 4 bytes each. Raises ModelError if the file is damaged or its
    architecture is not one that transformers reads.
    """
    source: dict[str, Any] = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    try:
        with quiet_libraries():
            licence = _licence(path)
            tokenizer = AutoTokenizer.from_pretrained(**source)
            model = AutoModelForCausalLM.from_pretrained(**source, dtype=DTYPE)
            _forget_quantization(model)
            model.save_pretrained(str(out))
            tokenizer.save_pretrained(str(out))
    except ImportError as error:
        raise ModelError(
            f"{path}: reading GGUF files needs the package gguf: pip install 'gguf>=0.19'", code="missing-package"
        ) from error
    except Exception as error:  # the reader of a damaged file raises whatever its bytes lead to
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(
            f"{path}: not a GGUF file that transformers can read: {reason}. Expected a causal language model, such as "
            "Llama, Mistral or Qwen2, in one file with its tokenizer.",
            code="bad-weights",
        ) from error
    return ConvertedModel(
        context_length=model.config.max_position_embeddings,
        parameters=model.num_parameters(),
        licence=licence,
        tool_versions={name: version(name) for name in ("gguf", "torch", "transformers")},
    )


def _licence(path: Path) -> str | None:
    """`general.license`, which most files have."""
    from gguf import GGUFReader

    field = GGUFReader(path).get_field("general.license")
    return str(field.contents()) if field else None


def _forget_quantization(model: Any) -> None:
    """The weights are plain by now, but transformers still counts the model as quantized and refuses to save it."""
    model.hf_quantizer = None
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
