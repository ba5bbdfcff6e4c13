"""Dropout: in the residuals of decoders whose architecture has none (Llama, Mistral, Qwen2), and of LoRA's inputs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from peft.tuners.lora import LoraLayer


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


class BoolMaskDropout(torch.nn.Dropout):
    """Dropout whose saved mask has 1 byte per element. On a CPU that of torch has the input's type, up to 4 bytes."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        dropped: torch.Tensor = torch.native_dropout(values, self.p, self.training)[0]
        return dropped


def save_smaller_lora_inputs(model: Any, *, autocast: bool) -> None:
    """Lets the LoRA layers of `model` (a peft model) save less for the backward pass on a CPU.

    `autocast`: the model always runs under it, so that its matrix products convert their inputs. peft would convert
    them to float32 first, and the dropout mask would be as large.
    """
    for module in model.modules():
        if not isinstance(module, LoraLayer):
            continue
        for name, dropout in module.lora_dropout.items():
            if isinstance(dropout, torch.nn.Dropout):
                module.lora_dropout[name] = BoolMaskDropout(dropout.p)
        if autocast and not module.lora_variant:
            module.cast_input_dtype_enabled = False


def _dropout_hook(share: float) -> Any:
    def drop(module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.dropout(output, share, training=module.training)

    return drop
