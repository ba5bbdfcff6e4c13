"""The frozen base model of a head: its weights, its tokenizer and the layers that are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prompts.base_models import BaseModelSource
from prompts.tokenizer import check_available, load_tokenizer
from serving.head.head_engine import hidden_states
from serving.head.hidden_states import HiddenStates
from serving.model.weights import weights_hashes

DTYPE = "bfloat16"


@dataclass(frozen=True)
class HeadBase:
    """`weights`: a folder or hub id; `hash`: SHA-256 of its files. `states` are cached on disk."""

    name: str
    licence: str | None
    weights: str
    hash: str
    tokenizer: Any
    layers: tuple[int, ...]
    dtype: str
    states: HiddenStates


def open_base(source: BaseModelSource, layers: Sequence[int] | None) -> HeadBase:
    """`layers`: by default those at a third and two thirds of the model's depth. Weights are loaded when they are first
    needed. Raises ModelError."""
    from transformers import AutoConfig

    check_available(source.source)
    tokenizer = load_tokenizer(source.source)
    depth = int(AutoConfig.from_pretrained(source.source).num_hidden_layers)
    chosen = tuple(layers or sorted({max(1, depth // 3), max(1, 2 * depth // 3)}))
    sha256 = weights_hashes(source.source)[0]
    states = hidden_states(source.source, tokenizer, sha256, chosen, DTYPE)
    return HeadBase(source.public_name, source.licence, source.source, sha256, tokenizer, chosen, DTYPE, states)
