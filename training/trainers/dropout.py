"""Residual dropout for decoders whose architecture has none (Llama, Mistral, Qwen2)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def residual_dropout(model: torch.nn.Module, share: float) -> Iterator[None]:
    """While inside, and in training mode, applies dropout with rate `share` to the outputs of attention, MLP and
    embeddings: residual dropout of Vaswani et al. 2017, section 5.4."""
    handles = []
    for name, module in model.named_modules():
        if share and name.endswith((".self_attn.o_proj", ".mlp.down_proj", "embed_tokens")):
            handles.append(module.register_forward_hook(_dropout_hook(share)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _dropout_hook(share: float) -> Any:
    def drop(module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.dropout(output, share, training=module.training)

    return drop
