"""Attention over packed token trees, and the hooks that add it to a model's decoder.

On a CPU: causal attention for the trunk, then one SDPA call per branch. On a GPU: FlexAttention with the same mask.
Elsewhere: one SDPA call with a dense mask.
"""

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

Kernel = Literal["segments", "flex", "dense"]
NAME = "grader_tree"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TreeLayout:
    """N tokens of one or more trees in one row. Token i attends to token j if `j <= i < ends[j]`, and with a sliding
    window of w only if also `depths[i] - depths[j] < w`.

    `depths`, `ends`: (N,). `submissions` and `sizes`: the number and tokens of each tree, if the batch has them.
    `frozen_done`: the hidden states already passed the frozen layers. `spans`: (S, 4), rows of (start, end, trunk
    start, trunk end) that tile the packed row. For a trunk, trunk start and end are equal; for a branch they are those
    of its trunk.
    """

    depths: Tensor
    ends: Tensor
    spans: Tensor
    kernel: Kernel
    submissions: tuple[int, ...] = ()
    sizes: tuple[int, ...] = ()
    frozen_done: bool = False
    masks: dict[Any, Any] = field(default_factory=dict)

    def sees(self, i: Tensor, j: Tensor, window: int | None) -> Tensor:
        return flex_mask(self, window)(i, i, i, j)

    def cached(self, key: Any, make: Callable[[], Any]) -> Any:
        """The value of `make`, cached for the other layers of this forward pass."""
        if key not in self.masks:
            self.masks[key] = make()
        return self.masks[key]


def tree_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    tree: TreeLayout | None = None,
    **settings: Any,
) -> tuple[Tensor, None]:
    """The attention function that transformers calls in each layer.

    `query` (B, H, N, D), `key` and `value` (B, H / groups, N, D); returns (B, N, H, D). Without a tree, plain SDPA.
    """
    if tree is None:
        out: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
        return out
    scaling, window = settings.get("scaling"), settings.get("sliding_window")
    if tree.kernel == "flex":
        return _flex(query, key, value, tree, scaling, window).transpose(1, 2).contiguous(), None
    attend = _segments if tree.kernel == "segments" else _dense
    dropout = settings.get("dropout", 0.0)
    return attend(query, key, value, tree, scaling, window, dropout).transpose(1, 2).contiguous(), None


def _segments(
    query: Tensor, key: Tensor, value: Tensor, tree: TreeLayout, scale: float | None, window: int | None, dropout: float
) -> Tensor:
    spans, masks = tree.cached(("spans", window, query.dtype), lambda: _span_masks(tree, window, query.dtype))
    sizes = [end - start for start, end, _ in spans]
    queries, keys, values = (torch.split(x, sizes, dim=2) for x in (query, key, value))
    outs = []
    for q, k, v, (_, _, trunk), mask in zip(queries, keys, values, spans, masks, strict=True):
        if trunk is not None:
            k, v = torch.cat((keys[trunk], k), dim=2), torch.cat((values[trunk], v), dim=2)
        outs.append(
            scaled_dot_product_attention(
                q, k, v, attn_mask=mask, is_causal=mask is None, dropout_p=dropout, scale=scale, enable_gqa=True
            )
        )
    return torch.cat(outs, dim=2)


def _span_masks(
    tree: TreeLayout, window: int | None, dtype: torch.dtype
) -> tuple[list[tuple[int, int, int | None]], list[Tensor | None]]:
    """The spans as (start, end, index of the trunk's span), and the additive mask of each (None: plain causal)."""
    rows = tree.spans.tolist()
    trunks = {start: number for number, (start, *_) in enumerate(rows)}
    spans: list[tuple[int, int, int | None]] = []
    masks: list[Tensor | None] = []
    for start, end, trunk_start, trunk_end in rows:
        own = torch.arange(start, end, device=tree.ends.device)
        seen = torch.cat((torch.arange(trunk_start, trunk_end, device=own.device), own))
        spans.append((start, end, trunks[trunk_start] if trunk_end > trunk_start else None))
        if trunk_end == trunk_start and (window is None or end - start <= window):
            masks.append(None)
            continue
        hidden = ~tree.sees(own[:, None], seen[None, :], window)
        masks.append(torch.zeros(hidden.shape, dtype=dtype, device=own.device).masked_fill_(hidden, float("-inf")))
    return spans, masks


def _dense(
    query: Tensor, key: Tensor, value: Tensor, tree: TreeLayout, scale: float | None, window: int | None, dropout: float
) -> Tensor:
    groups = query.shape[1] // key.shape[1]
    # On a GPU, SDPA with a mask and grouped keys would use the slow kernel. On a CPU, in `_segments`, it does not.
    key, value = repeat_kv(key, groups), repeat_kv(value, groups)
    positions = torch.arange(query.shape[2], device=query.device)
    mask = tree.cached(("dense", window), lambda: tree.sees(positions[:, None], positions[None, :], window))
    return scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout, scale=scale)


def flex_mask(tree: TreeLayout, window: int | None) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
    """FlexAttention's `mask_mod`. It closes over tensors and a number only, so that new batches need no compilation."""
    ends, depths = tree.ends, tree.depths

    def sees(_batch: Tensor, _head: Tensor, i: Tensor, j: Tensor) -> Tensor:
        seen = (j <= i) & (i < ends[j])
        return seen if window is None else seen & (depths[i] - depths[j] < window)

    return sees


def _flex(
    query: Tensor, key: Tensor, value: Tensor, tree: TreeLayout, scale: float | None, window: int | None
) -> Tensor:
    from torch.nn.attention.flex_attention import create_block_mask

    length = query.shape[2]
    block_mask = tree.cached(
        ("flex", window),
        lambda: create_block_mask(flex_mask(tree, window), None, None, length, length, device=query.device),
    )
    out: Tensor = _compiled_flex()(
        query, key, value, block_mask=block_mask, scale=scale, enable_gqa=query.shape[1] != key.shape[1]
    )
    return out


@functools.cache
def _compiled_flex() -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=True)


def choose_kernel(device: torch.device, dropout: float = 0.0) -> Kernel:
    """The fastest kernel on `device`. FlexAttention has no dropout, and no backward pass on a CPU."""
    if device.type == "cpu":
        return "segments"
    return "flex" if device.type == "cuda" and dropout == 0 else "dense"


def enable_tree_attention(model: Any, kernel: Kernel | None = None) -> None:
    """Lets the decoder of `model` (a causal language model, not yet wrapped by peft) accept packed trees.

    For batches of a collator, with `tree_ids`, `tree_index` and the rest of `pack`, it runs the packed row and
    returns the hidden states at `tree_index`, in that shape. Other batches are processed as before.
    """
    # Hooks instead of a new `forward`: they survive deepcopy and work under peft, trl, DDP and FSDP.
    AttentionInterface.register(NAME, tree_attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    decoder = model.base_model
    if not hasattr(decoder, "tree_kernel"):
        decoder.register_forward_pre_hook(_before_decoder, with_kwargs=True)
        decoder.register_forward_hook(_after_decoder, with_kwargs=True)
    decoder.tree_kernel = kernel
    model.set_attn_implementation(NAME)


def _before_decoder(decoder: Any, _args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]] | None:
    if "tree_ids" not in kwargs:
        return None
    if decoder.tree_kernel is None:
        dropout = getattr(decoder.config, "attention_dropout", None) or 0.0
        decoder.tree_kernel = choose_kernel(kwargs["tree_ids"].device, dropout)
        logger.info("tree attention: %s on %s", decoder.tree_kernel, kwargs["tree_ids"].device)
    submissions, sizes = (tuple(kwargs[f"tree_{name}"].tolist()) for name in ("submissions", "sizes"))
    frozen = getattr(decoder, "frozen_states", None)
    states = frozen.of(submissions, kwargs["tree_ids"].device) if frozen else None
    layout = TreeLayout(
        kwargs["tree_depths"],
        kwargs["tree_ends"],
        kwargs["tree_spans"],
        decoder.tree_kernel,
        submissions,
        sizes,
        frozen_done=states is not None,
    )
    inner = {name: value for name, value in kwargs.items() if not name.startswith("tree_")}
    inner.pop("input_ids", None)
    inner |= {"input_ids": kwargs["tree_ids"][None]} if states is None else {"inputs_embeds": states[None]}
    inner |= {
        "position_ids": kwargs["tree_depths"][None],
        # transformers takes a mask with four dimensions as final and does not build one.
        "attention_mask": torch.empty(1, 1, 1, 1, device=kwargs["tree_ids"].device),
        "tree": layout,
        "tree_positions": kwargs["tree_index"],
    }
    return (), inner


def _after_decoder(_decoder: Any, _args: Any, kwargs: dict[str, Any], output: Any) -> Any:
    if (positions := kwargs.get("tree_positions")) is None:
        return None
    hidden = output.last_hidden_state[0]
    # index_select: its backward pass adds in a fixed order on a CPU, unlike that of plain indexing.
    output.last_hidden_state = hidden.index_select(0, positions.flatten()).view(*positions.shape, hidden.shape[-1])
    return output
