"""Muon for matrices and AdamW for all other weights, as one optimizer.

Muon: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/. A small model learns more in few steps
with it than with AdamW alone.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import AdamW, Muon, Optimizer


class MuonWithAdamW(Optimizer):
    """Muon on all matrices except embeddings, AdamW on embeddings and norms, with one scheduler for both."""

    def __init__(self, model: torch.nn.Module, *, lr: float, adamw_lr: float, weight_decay: float) -> None:
        embeddings = {id(p) for m in model.modules() if isinstance(m, torch.nn.Embedding) for p in m.parameters()}
        trained = [p for p in model.parameters() if p.requires_grad]
        matrices = [p for p in trained if p.ndim == 2 and id(p) not in embeddings]
        others = [p for p in trained if p.ndim != 2 or id(p) in embeddings]
        self.muon = Muon(matrices, lr=lr, weight_decay=weight_decay)
        self.adamw = AdamW(others, lr=adamw_lr, weight_decay=weight_decay, betas=(0.9, 0.95))
        # The same dicts as theirs, so that a learning rate set by the scheduler applies to them.
        super().__init__([*self.muon.param_groups, *self.adamw.param_groups], {})

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        if closure is not None:
            raise ValueError("MuonWithAdamW takes no closure")
        self.muon.step()  # type: ignore[no-untyped-call]
        self.adamw.step()

    def state_dict(self) -> dict[str, Any]:
        return {"muon": self.muon.state_dict(), "adamw": self.adamw.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.muon.load_state_dict(state_dict["muon"])
        self.adamw.load_state_dict(state_dict["adamw"])
        self.param_groups = [*self.muon.param_groups, *self.adamw.param_groups]
