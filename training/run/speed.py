"""How fast training goes beside how fast this machine multiplies matrices. Knows no loss and no data."""

import time
from typing import Any

import torch
from transformers import TrainerCallback


def matmul_peak(dtype: torch.dtype) -> float:
    """Operations a second of a large square product on this process's device: the best of a few, < 1 s in all."""
    gpu = torch.cuda.is_available()
    size = 8192 if gpu else 1024
    matrix, best = torch.ones(size, size, dtype=dtype, device="cuda" if gpu else "cpu"), float("inf")
    for _ in range(4):
        begun = time.perf_counter()
        matrix @ matrix
        if gpu:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - begun)
    return 2 * size**3 / best


def linear_weights(model: torch.nn.Module) -> int:
    """Weights that every token is multiplied with: linear layers without the head, which only answers go through, and
    without adapters. A 4-bit layer counts its weights, not its bytes."""
    return sum(
        module.in_features * module.out_features
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and "lora_" not in name and not name.endswith("lm_head")
    )


def passes_of(*, full: bool, reference: bool, recomputed: bool) -> int:
    """Passes over the weights for a token: forward, back to the inputs, with `full` back to the weights, the
    reference's forward, and with gradient checkpointing the forward again."""
    return 2 + full + reference + recomputed


class Speed(TrainerCallback):  # type: ignore[misc]
    """Adds to what is logged: `tokens_per_second` (all processes, tokens through the model once a batch),
    `mfu` of the machine's matrix products (2 operations a weight, a token and a pass; attention, head and
    optimiser left out, so a little low) and `seconds_left` of the stage. Stands before the callbacks that show them."""

    def __init__(self, passes: int, peak: float) -> None:
        self.passes, self.peak = passes, peak
        self.work = 0.0
        self.begun: tuple[float, int] | None = None
        self.last: tuple[float, float] | None = None

    def on_train_begin(self, _args: Any, _state: Any, _control: Any, model: Any = None, **_: Any) -> None:
        self.work = 2.0 * self.passes * linear_weights(model) if model is not None else 0.0

    def on_step_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        if self.begun is None:
            now = time.monotonic()
            self.begun = now, state.global_step
            self.last = (now, 0.0) if state.global_step == 0 else None

    def on_log(self, _args: Any, state: Any, _control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if not logs or "num_tokens" not in logs or self.begun is None:
            return
        now, tokens = time.monotonic(), float(logs["num_tokens"])
        if self.last is not None and now > self.last[0]:
            rate = (tokens - self.last[1]) / (now - self.last[0])
            processes = torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1
            logs["tokens_per_second"] = round(rate, 1)
            logs["mfu"] = round(rate * self.work / (self.peak * processes), 4)
        self.last = now, tokens
        begun, first = self.begun
        if state.global_step > first:
            step = (now - begun) / (state.global_step - first)
            logs["seconds_left"] = round(step * (state.max_steps - state.global_step), 1)
