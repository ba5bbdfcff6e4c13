"""Muon for the matrices of a small model beside AdamW for the rest, as one optimizer that a trainer can hold.

Muon: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/. A model of a million weights learns more from
few steps with it than with AdamW alone. Knows no trainer.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import AdamW, Muon, Optimizer


class MuonWithAdamW(Optimizer):
    """Muon on every matrix but the embeddings, AdamW on embeddings and norms. Both share the scheduler.

    Their parameter groups are the very dicts of this optimizer, so a rate set here is the rate they step with.
    """

    def __init__(self, model: torch.nn.Module, *, lr: float, adamw_lr: float, weight_decay: float) -> None:
        embeddings = {id(p) for m in model.modules() if isinstance(m, torch.nn.Embedding) for p in m.parameters()}
        trained = [p for p in model.parameters() if p.requires_grad]
        matrices = [p for p in trained if p.ndim == 2 and id(p) not in embeddings]
        others = [p for p in trained if p.ndim != 2 or id(p) in embeddings]
        self.muon = Muon(matrices, lr=lr, weight_decay=weight_decay)
        self.adamw = AdamW(others, lr=adamw_lr, weight_decay=weight_decay, betas=(0.9, 0.95))
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
