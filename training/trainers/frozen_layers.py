"""Reuses the hidden states of frozen layers: below the lowest adapted layer they are the same in every pass.

With an adapter on the top layers only, a submission's states are computed in its first pass and read from memory in
all later ones: of the reference, and of later epochs.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from labs_schema.limits import TrainingLimits
from training.trainers.tree_attention import TreeLayout


class FrozenStates:
    """The input of layer `first_adapted` for each submission, of shape (N, width), in main memory.

    `computed_tokens`: the tokens that went through the frozen layers so far. Past `max_bytes` nothing is added, and
    further submissions are computed in every pass.
    """

    def __init__(self, first_adapted: int, max_bytes: int) -> None:
        self.first_adapted, self.max_bytes = first_adapted, max_bytes
        self.computed_tokens = self.bytes = 0
        self._states: dict[int, Tensor] = {}

    def of(self, submissions: Sequence[int], device: torch.device) -> Tensor | None:
        """The states of a packed row (N, width), on `device`; None unless all of its submissions have theirs."""
        found = [self._states.get(number) for number in submissions]
        if any(states is None for states in found):
            return None
        return torch.cat([states for states in found if states is not None]).to(device)

    def add(self, submissions: Sequence[int], sizes: Sequence[int], states: Tensor) -> None:
        """`states` (N, width) of a packed row with `sizes` tokens of each submission."""
        self.computed_tokens += len(states)
        for number, part in zip(submissions, torch.split(states.detach(), list(sizes)), strict=True):
            size = part.numel() * part.element_size()
            if number not in self._states and self.bytes + size <= self.max_bytes:
                self._states[number] = part.cpu().clone()
                self.bytes += size


def reuse_frozen_layers(model: Any, adapted_layers: int) -> None:
    """Lets the decoder of `model` (a causal language model with tree attention, not yet wrapped by peft) skip the
    layers below its top `adapted_layers` for submissions that it has seen. Nothing else may change those layers."""
    decoder = model.base_model
    first = max(len(decoder.layers) - adapted_layers, 0)
    if first == 0 or getattr(model.config, "attention_dropout", None):
        return  # nothing is frozen, or dropout makes each pass different
    decoder.frozen_states = FrozenStates(first, TrainingLimits().frozen_states_bytes)
    for layer in decoder.layers[:first]:
        layer.forward = _skippable(layer.forward)
    decoder.layers[first].register_forward_pre_hook(_recorder(decoder.frozen_states), with_kwargs=True)


def _skippable(forward: Any) -> Any:
    def run(hidden_states: Tensor, *args: Any, tree: TreeLayout | None = None, **kwargs: Any) -> Any:
        if tree is not None and tree.frozen_done:
            return hidden_states
        return forward(hidden_states, *args, **kwargs, **({} if tree is None else {"tree": tree}))

    return run


def _recorder(frozen: FrozenStates) -> Any:
    def record(_layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        tree: TreeLayout | None = kwargs.get("tree")
        if tree is not None and tree.submissions and not tree.frozen_done:
            hidden = args[0] if args else kwargs["hidden_states"]
            frozen.add(tree.submissions, tree.sizes, hidden[0])

    return record
