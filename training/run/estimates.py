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


@dataclass(frozen=True)
class StageEstimate:
    """`tokens` go through the model in the whole stage, `epoch_tokens` in an epoch; `unpacked_tokens` would with one
    sequence per row. `largest`:
    (tokens, answer tokens) of the batch that needs most memory."""

    submissions: int
    rows: int
    steps: int
    tokens: int
    unpacked_tokens: int
    largest: tuple[int, int]
    epoch_tokens: int


def estimate_stage(
    stage: Stage, examples: Sequence[TrainingExample], *, seed: int, max_steps: int | None, processes: int
) -> StageEstimate:
    """Rows are pairs for DPO, criteria for SFT."""
    rows = [row for example in examples for row in _sequences(stage, example)]
    unpacked = sum(sum(lengths) for lengths, _ in rows)
    if stage.packing == "tree":
        trees, answers = _tree_sizes(stage, examples), [sum(a for _, a in _sequences(stage, e)) for e in examples]
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
        largest = sum(trees[s] for s in batch), sum(answers[s] for s in batch)
    else:
        batches, tokens = math.ceil(len(rows) / stage.per_device_train_batch_size / processes), unpacked
        longest = sorted(rows, key=lambda row: sum(row[0]))[-stage.per_device_train_batch_size :]
        largest = sum(sum(lengths) for lengths, _ in longest), sum(a for _, a in longest)
    epoch = max(math.ceil(batches / stage.gradient_accumulation_steps), 1)
    steps = max_steps or math.ceil(stage.num_train_epochs * epoch)
    epochs = steps / epoch
    return StageEstimate(
        len(examples), len(rows), steps, round(tokens * epochs), round(unpacked * epochs), largest, tokens
    )


def estimate_memory(
    model: Any, stage: Stage, estimate: StageEstimate, *, trained: int, config: RunConfig, half: bool
) -> dict[str, int]:
    """Bytes by part on each device, by the formula in docs/guide/running-training.md.

    `model` may be on the meta device. `trained`: the number of trained weights. `half`: bfloat16.
    """
    size, all_weights, linear = model.config, model.num_parameters(), count_linear_weights(model)
    full = stage.method == "full"
    width = 2 if half else 4
    weights = all_weights * (4 if full else width)
    if config.load_in_4bit:
        weights = round(linear * 0.52) + (all_weights - linear) * 2  # NF4 with double quantisation: 4.13 bits
    tokens, answers = estimate.largest
    layer = tokens * width * (8 * size.hidden_size + 4 * size.intermediate_size)
    layers = adapted_layers(model, config)  # the layers below are not differentiated
    stored = tokens * width * size.hidden_size * layers + layer if config.gradient_checkpointing else layer * layers
    has_reference_copy = full and not isinstance(stage, SftStage)
    return {
        "weights": weights * (2 if has_reference_copy else 1),
        "adapter": 0 if full else 4 * trained,
        "gradients": 4 * trained,
        "optimiser": 8 * trained,
        "frozen states": _frozen_states_bytes(model, estimate, config, width),
        "activations": stored + 8 * min(answers * size.vocab_size, MAX_FULL_LOGITS),
    }


def _frozen_states_bytes(model: Any, estimate: StageEstimate, config: RunConfig, width: int) -> int:
    """Of the hidden states of an epoch, which are reused if the lower layers are frozen."""
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


def _tree_sizes(stage: Stage, examples: Sequence[TrainingExample]) -> list[int]:
    """Tokens of each submission's tree."""
    collator: PreferenceCollator | VerdictCollator
    if isinstance(stage, SftStage):
        letters = stage.answer_only == "letter"
        collator = VerdictCollator(examples, letters_only=letters, with_shared=stage.lm_weight > 0)
    else:
        collator = PreferenceCollator(examples, pad_token_id=0)
    return [len(tree) for tree in collator.trees]


def _sequences(stage: Stage, example: TrainingExample) -> list[tuple[tuple[int, ...], int]]:
    """For each row: the lengths of its sequences, and the number of answer tokens."""
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
