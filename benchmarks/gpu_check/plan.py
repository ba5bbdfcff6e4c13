"""The steps of the GPU check, their shapes, and the memory that they are predicted to need."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, MistralConfig

from benchmarks.gpu_check import steps
from prompts.base_models import LINEAR_LAYERS
from training.config import RunConfig
from training.dataset.examples import CriterionExample, TrainingExample
from training.run.estimates import count_trained_weights, estimate_memory, estimate_stage

CONFIGS: dict[str, Any] = {
    "codellama-7b": LlamaConfig(
        vocab_size=32_016, hidden_size=4096, intermediate_size=11_008, num_hidden_layers=32, num_attention_heads=32,
        max_position_embeddings=16_384,
    ),
    "codestral-22b": MistralConfig(
        vocab_size=32_768, hidden_size=6144, intermediate_size=16_384, num_hidden_layers=56, num_attention_heads=48,
        num_key_value_heads=8, head_dim=128, max_position_embeddings=32_768, sliding_window=None,
    ),
    "qwen2.5-coder-0.5b": LlamaConfig(
        vocab_size=32_000, hidden_size=896, intermediate_size=4864, num_hidden_layers=24, num_attention_heads=14,
        num_key_value_heads=2, max_position_embeddings=8192, tie_word_embeddings=True,
    ),
    "tiny": LlamaConfig(
        vocab_size=512, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=2048,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """`run` returns the step's figures. `training`: the settings whose memory is predicted, and the model's shape."""

    name: str
    what: str
    run: Callable[..., dict[str, Any]]
    limit_seconds: int
    arguments: dict[str, Any] = field(default_factory=dict)
    training: tuple[str, RunConfig] | None = None


def planned_steps(*, tiny: bool) -> list[Step]:
    """All steps in order; `tiny`: those that run on a CPU, with tiny shapes."""
    if tiny:
        limit = 600  # importing torch alone takes a minute on a busy machine
        return [_attention("tiny", limit), *_training("tiny", ("bf16",), limit), _comparison("tiny", limit)]
    return [
        _attention("codellama-7b", 50),
        *_training("codellama-7b", ("bf16", "4-bit"), 45),
        *_training("codestral-22b", ("bf16", "4-bit"), 70),
        _comparison("codellama-7b", 80),
        Step(
            "merge",
            "merges an adapter into random weights of the 0.5B shape, in float32, and checks the result",
            steps.merge_adapter,
            40,
            {"config": CONFIGS["qwen2.5-coder-0.5b"]},
        ),
        Step(
            "vllm",
            "grades synthetic submissions with vLLM, random weights of the 7B shape and two adapters",
            steps.serve_adapters,
            80,
            {"config": CONFIGS["codellama-7b"]},
        ),
    ]


def predicted_bytes(step: Step) -> int | None:
    """The prediction of `grader train --dry-run` for the step's settings."""
    if step.training is None:
        return None
    name, config = step.training
    with torch.device("meta"):
        model = steps.model_class(CONFIGS[name])(CONFIGS[name])
    (stage,) = config.stages.values()
    estimate = estimate_stage(stage, submissions(CONFIGS[name].vocab_size), seed=0, max_steps=3, processes=1)
    trained = count_trained_weights(model, stage, LINEAR_LAYERS, config)
    parts = estimate_memory(model, stage, estimate, trained=trained, targets=LINEAR_LAYERS, config=config, half=True)
    return sum(parts.values())


def submissions(vocabulary: int, count: int = 6) -> list[TrainingExample]:
    """Synthetic submissions with random tokens: 800 shared ones, 5 criteria of 80, 4 ratings of 4 (100, 3 and 20 for a
    tiny vocabulary)."""
    random, small = np.random.default_rng(0), vocabulary < 1000
    shared, criteria, own = (100, 3, 20) if small else (800, 5, 80)

    def ids(n: int) -> tuple[int, ...]:
        return tuple(int(i) for i in random.integers(100, vocabulary, n))

    def criterion() -> CriterionExample:
        answers = [(10 + k, 5, 6, 2) for k in range(4)]
        return CriterionExample(ids(own), answers[0], tuple(answers[1:]))

    return [TrainingExample(ids(shared), tuple(criterion() for _ in range(criteria))) for _ in range(count)]


def _attention(name: str, limit: int) -> Step:
    what = "compiled FlexAttention, forward and backward, against the dense kernel: hidden states, gradients, time"
    return Step("attention", what, steps.compare_attention, limit, {"config": CONFIGS[name], "examples": _rows(name)})


def _training(name: str, precisions: tuple[str, ...], limit: int) -> list[Step]:
    found = []
    for precision in precisions:
        config = RunConfig.model_validate(
            {
                "model": name,
                "dataset": "synthetic",
                "load_in_4bit": precision == "4-bit",
                "gradient_checkpointing": True,
                "dpo": {"gradient_accumulation_steps": 2, "learning_rate": 1e-5},
            }
        )
        what = f"DPO with LoRA at the {name} shape, random weights in {precision}: tokens/s, MFU, memory"
        arguments = {"config": CONFIGS[name], "run": config, "examples": _rows(name)}
        found.append(Step(f"{name} {precision}", what, steps.train_shape, limit, arguments, (name, config)))
    return found


def _comparison(name: str, limit: int) -> Step:
    what = "SFT and DPO steps with trees against trl, with Liger kernels where they are installed"
    arguments = {"config": CONFIGS[name], "examples": _rows(name)}
    return Step("tree against trl", what, steps.compare_with_trl, limit, arguments)


def _rows(name: str) -> list[TrainingExample]:
    return submissions(CONFIGS[name].vocab_size)
