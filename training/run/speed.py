"""Training speed: tokens per second and MFU (model FLOPs utilisation)."""

import time
from typing import Any

import torch
from transformers import TrainerCallback


def measure_peak_flops(dtype: torch.dtype) -> float:
    """FLOP/s of a large square matrix product on this process's device: the best of four, under a second in total."""
    gpu = torch.cuda.is_available()
    size = 8192 if gpu else 1024
    matrix, best = torch.ones(size, size, dtype=dtype, device="cuda" if gpu else "cpu"), float("inf")
    for _ in range(4):
        started = time.perf_counter()
        matrix @ matrix
        if gpu:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def count_linear_weights(model: torch.nn.Module) -> int:
    """Weights of the linear layers that every token passes: without the head, which only answers pass, and without
    adapters. A 4-bit layer counts its weights, not its bytes."""
    return sum(
        module.in_features * module.out_features
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and "lora_" not in name and not name.endswith("lm_head")
    )


class SpeedMetrics(TrainerCallback):  # type: ignore[misc]
    """Adds `tokens_per_second` (all processes), `mfu` and `seconds_left` of the stage to each log line.

    MFU counts 2 FLOPs per linear weight, token and pass, so it is slightly too low: attention, head and optimiser are
    not counted. Must come before the callbacks that display the log.
    """

    def __init__(self, passes: int, peak_flops: float) -> None:
        self.passes, self.peak_flops = passes, peak_flops
        self.flops_per_token = 0.0
        self.started: tuple[float, int] | None = None
        self.last: tuple[float, float] | None = None

    def on_train_begin(self, _args: Any, _state: Any, _control: Any, model: Any = None, **_: Any) -> None:
        self.flops_per_token = 2.0 * self.passes * count_linear_weights(model) if model is not None else 0.0

    def on_step_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        if self.started is None:
            now = time.monotonic()
            self.started = now, state.global_step
            self.last = (now, 0.0) if state.global_step == 0 else None

    def on_log(self, _args: Any, state: Any, _control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if not logs or "num_tokens" not in logs or self.started is None:
            return
        now, tokens = time.monotonic(), float(logs["num_tokens"])
        if self.last is not None and now > self.last[0]:
            rate = (tokens - self.last[1]) / (now - self.last[0])
            processes = torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1
            logs["tokens_per_second"] = round(rate, 1)
            logs["mfu"] = round(rate * self.flops_per_token / (self.peak_flops * processes), 4)
        self.last = now, tokens
        started, first = self.started
        if state.global_step > first:
            seconds_per_step = (now - started) / (state.global_step - first)
            logs["seconds_left"] = round(seconds_per_step * (state.max_steps - state.global_step), 1)
