"""Estimates of a training stage: steps, tokens and memory. Trains nothing and loads no weights."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from labs_schema.limits import TrainingLimits
from training.config import RunConfig, SftStage, Stage
from training.dataset.examples import TrainingExample
from training.run.speed import count_linear_weights
from training.trainers.collator import PreferenceCollator, VerdictCollator
from training.trainers.sampler import BatchPlan, SubmissionSampler, epochs_needed
from training.trainers.sft import MAX_FULL_LOGITS
from training.trainers.token_trees import TokenTree


@dataclass(frozen=True)
class BatchSize:
    """The batch that needs most memory: its tokens, the answer tokens, and the keys of all attention calls together
    (on a CPU, each branch of a tree has a copy of its trunk's keys and values)."""

    tokens: int
    answers: int
    keys: int


@dataclass(frozen=True)
class StageEstimate:
    """`tokens` go through the model in the whole stage, `epoch_tokens` in an epoch; `unpacked_tokens` would with one
    sequence per row."""

    submissions: int
    rows: int
    steps: int
    tokens: int
    unpacked_tokens: int
    largest: BatchSize
    epoch_tokens: int


def estimate_stage(
    stage: Stage, examples: Sequence[TrainingExample], *, seed: int, max_steps: int | None, processes: int
) -> StageEstimate:
    """Rows are pairs for DPO, criteria for SFT."""
    rows = [row for example in examples for row in _sequences(stage, example)]
    unpacked = sum(sum(lengths) for lengths, _ in rows)
    if stage.packing == "tree":
        token_trees = _token_trees(stage, examples)
        trees, answers = [len(tree) for tree in token_trees], [_answer_tokens(stage, e) for e in examples]
        per_step = stage.gradient_accumulation_steps * processes
        plan = BatchPlan(
            per_batch=stage.per_device_train_batch_size,
            tokens_per_batch=stage.tokens_per_step,
            seed=seed,
            epochs=epochs_needed(trees, stage.tokens_per_step, per_step, stage.num_train_epochs, max_steps),
            per_step=per_step,
        )
        sampler = SubmissionSampler([[number] for number in range(len(examples))], trees, plan, ranks=processes)
        batches, tokens = len(sampler), sum(trees)
        batch = sampler.largest()
        keys = sum(trees[s] + token_trees[s].trunk * len(token_trees[s].branches) for s in batch)
        largest = BatchSize(sum(trees[s] for s in batch), sum(answers[s] for s in batch), keys)
    else:
        batches, tokens = math.ceil(len(rows) / stage.per_device_train_batch_size / processes), unpacked
        longest = sorted(rows, key=lambda row: sum(row[0]))[-stage.per_device_train_batch_size :]
        longest_tokens = sum(sum(lengths) for lengths, _ in longest)
        largest = BatchSize(longest_tokens, sum(a for _, a in longest), longest_tokens)
    epoch = max(math.ceil(batches / stage.gradient_accumulation_steps), 1)
    steps = max_steps or math.ceil(stage.num_train_epochs * epoch)
    epochs = steps / epoch
    return StageEstimate(
        len(examples), len(rows), steps, round(tokens * epochs), round(unpacked * epochs), largest, tokens
    )


def estimate_memory(
    model: Any,
    stage: Stage,
    estimate: StageEstimate,
    *,
    trained: int,
    targets: Sequence[str],
    config: RunConfig,
    half: bool,
) -> dict[str, int]:
    """Bytes by part on each device, by the formula in docs/guide/running-training.md. Without the libraries.

    `model` may be on the meta device. `trained`: the number of trained weights. `targets`: the layers that LoRA adapts.
    `half`: bfloat16.
    """
    all_weights, linear = model.num_parameters(), count_linear_weights(model)
    full = stage.method == "full"
    width = 2 if half else 4
    weights = all_weights * (4 if full else width)
    if config.load_in_4bit:
        weights = round(linear * 0.52) + (all_weights - linear) * 2  # NF4 with double quantisation: 4.13 bits
    size, largest = model.config, estimate.largest
    layer = _layer_bytes(model, stage, largest, targets, config, width)
    layers = adapted_layers(model, config)  # the layers below are not differentiated
    inputs = largest.tokens * width * size.hidden_size * layers
    stored = inputs + layer if config.gradient_checkpointing else layer * layers
    has_reference_copy = full and not isinstance(stage, SftStage)
    return {
        "weights": weights * (2 if has_reference_copy else 1),
        "adapter": 0 if full else 4 * trained,
        "gradients": 4 * trained,
        "optimiser": 8 * trained,
        "frozen states": _frozen_states_bytes(model, estimate, config, width),
        "activations": stored + 12 * min(largest.answers * size.vocab_size, MAX_FULL_LOGITS),
    }


def _layer_bytes(
    model: Any, stage: Stage, batch: BatchSize, targets: Sequence[str], config: RunConfig, width: int
) -> int:
    """The bytes that a decoder layer saves for the backward pass, as counted with hooks for saved tensors."""
    size = model.config
    hidden, mlp, heads = int(size.hidden_size), int(size.intermediate_size), int(size.num_attention_heads)
    head = getattr(size, "head_dim", None) or hidden // heads
    queries, keys = heads * head, (getattr(size, "num_key_value_heads", None) or heads) * head
    norms = 2 * 4 * hidden  # RMSNorm computes in float32
    attention = width * 2 * queries  # queries and output; keys and values are below
    gated = width * 3 * mlp
    if stage.method == "full":
        norms += 2 * 4 * hidden  # their weights are trained too
        # Under autocast each layer has its own copy of its input. In float32 q, k and v share one, and gate and up.
        inputs = width * ((5 if width == 2 else 2) * hidden + queries + mlp)
    else:
        modules = model.base_model.layers[0].named_modules()
        adapted = [module for name, module in modules if name.rsplit(".", 1)[-1] in targets]
        per_input = width + (config.lora_dropout > 0)  # a copy after dropout, and a mask of one byte
        inputs = sum(per_input * module.in_features + width * config.lora_r for module in adapted)
    return batch.tokens * (norms + attention + gated + inputs) + batch.keys * width * 2 * keys


def _frozen_states_bytes(model: Any, estimate: StageEstimate, config: RunConfig, width: int) -> int:
    """The size of the hidden states of an epoch, which are reused if the lower layers are frozen."""
    if adapted_layers(model, config) == model.config.num_hidden_layers:
        return 0
    tokens = min(estimate.tokens, estimate.epoch_tokens)
    return min(tokens * width * int(model.config.hidden_size), TrainingLimits().frozen_states_bytes)


def count_trained_weights(model: Any, stage: Stage, targets: Sequence[str], config: RunConfig) -> int:
    """All weights, or those of an adapter on the `targets` of all or the top layers."""
    if stage.method == "full":
        return int(model.num_parameters())
    layers = (m for name, m in model.named_modules() if name.rsplit(".", 1)[-1] in targets)
    sizes = sum(layer.in_features + layer.out_features for layer in layers if isinstance(layer, torch.nn.Linear))
    return config.lora_r * sizes * adapted_layers(model, config) // int(model.config.num_hidden_layers)


def adapted_layers(model: Any, config: RunConfig) -> int:
    """The number of layers with an adapter, if adapters are trained."""
    layers = int(model.config.num_hidden_layers)
    return min(config.lora_layers or layers, layers)


def _answer_tokens(stage: Stage, example: TrainingExample) -> int:
    return sum(answers for _, answers in _sequences(stage, example))


def _token_trees(stage: Stage, examples: Sequence[TrainingExample]) -> list[TokenTree]:
    """The tree of each submission."""
    collator: PreferenceCollator | VerdictCollator
    if isinstance(stage, SftStage):
        letters = stage.answer_only == "letter"
        collator = VerdictCollator(examples, letters_only=letters, with_shared=stage.lm_weight > 0)
    else:
        collator = PreferenceCollator(examples, pad_token_id=0)
    return collator.trees


def _sequences(stage: Stage, example: TrainingExample) -> list[tuple[tuple[int, ...], int]]:
    """The lengths of the sequences of each row, and the number of its answer tokens."""
    found: list[tuple[tuple[int, ...], int]] = []
    for criterion in example.criteria:
        prompt = len(example.shared) + len(criterion.prompt)
        if isinstance(stage, SftStage):
            learned = 1 if stage.answer_only == "letter" else len(criterion.chosen)
            found.append(((prompt + learned,), learned))
            continue
        for rejected in criterion.rejected:
            found.append(
                ((prompt + len(criterion.chosen), prompt + len(rejected)), len(criterion.chosen) + len(rejected))
            )
    return found
