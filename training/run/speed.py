"""Training speed: tokens per second and MFU (model FLOPs utilisation)."""

import re
import time
from collections import Counter
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
    return sum(_linear_weights_by_layer(model).values())


def count_frozen_weights(model: torch.nn.Module, adapted_layers: int | None) -> int:
    """The number of weights in layers below the top `adapted_layers`, which a token passes only once, forward."""
    by_layer = _linear_weights_by_layer(model)
    frozen = max(by_layer, default=-1) + 1 - (adapted_layers or len(by_layer))
    return sum(weights for layer, weights in by_layer.items() if layer < frozen)


def _linear_weights_by_layer(model: torch.nn.Module) -> Counter[int]:
    weights: Counter[int] = Counter()
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and "lora_" not in name and not name.endswith("lm_head"):
            layer = re.search(r"\blayers\.(\d+)", name)
            weights[int(layer[1]) if layer else 0] += module.in_features * module.out_features
    return weights


class SpeedMetrics(TrainerCallback):  # type: ignore[misc]
    """Adds `tokens_per_second` (all processes), `mfu` and `seconds_left` of the stage to each log line.

    MFU counts 2 FLOPs per linear weight, token and pass, so it is slightly too low: attention, head and optimiser are
    not counted. Layers below the top `adapted_layers` count one pass, and only of tokens that went through them. Must
    come before the callbacks that display the log.
    """

    def __init__(self, passes: int, peak_flops: float, adapted_layers: int | None = None) -> None:
        self.passes, self.peak_flops, self.adapted_layers = passes, peak_flops, adapted_layers
        self.flops_per_token = self.flops_per_frozen_token = 0.0
        self.frozen: Any = None
        self.started: tuple[float, int] | None = None
        self.last: tuple[float, float, float] | None = None

    def on_train_begin(self, _args: Any, _state: Any, _control: Any, model: Any = None, **_: Any) -> None:
        if model is None:
            return
        frozen = count_frozen_weights(model, self.adapted_layers)
        self.flops_per_token = 2.0 * self.passes * (count_linear_weights(model) - frozen)
        self.flops_per_frozen_token = 2.0 * frozen
        self.frozen = next((m.frozen_states for m in model.modules() if hasattr(m, "frozen_states")), None)

    def on_step_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        if self.started is None:
            now = time.monotonic()
            self.started = now, state.global_step
            self.last = (now, 0.0, self._frozen_tokens(0.0)) if state.global_step == 0 else None

    def on_log(self, _args: Any, state: Any, _control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if not logs or "num_tokens" not in logs or self.started is None:
            return
        now, tokens = time.monotonic(), float(logs["num_tokens"])
        frozen_tokens = self._frozen_tokens(tokens)
        if self.last is not None and now > self.last[0]:
            seconds = now - self.last[0]
            rate, frozen_rate = (tokens - self.last[1]) / seconds, (frozen_tokens - self.last[2]) / seconds
            flops = rate * self.flops_per_token + frozen_rate * self.flops_per_frozen_token
            processes = torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1
            logs["tokens_per_second"] = round(rate, 1)
            logs["mfu"] = round(flops / (self.peak_flops * processes), 4)
        self.last = now, tokens, frozen_tokens
        started, first = self.started
        if state.global_step > first:
            seconds_per_step = (now - started) / (state.global_step - first)
            logs["seconds_left"] = round(seconds_per_step * (state.max_steps - state.global_step), 1)

    def _frozen_tokens(self, tokens: float) -> float:
        """Tokens through the frozen layers so far: all of them unless their states are reused."""
        return float(self.frozen.computed_tokens) if self.frozen else tokens
