"""What a stage of a run will take: steps, tokens, memory. Counts only: nothing is trained, no weight is read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from training.config import SftStage, Stage
from training.dataset.examples import TrainingExample
from training.run.speed import linear_weights
from training.trainers.collator import PreferenceCollator, VerdictCollator
from training.trainers.sampler import SubmissionSampler, epochs_needed
from training.trainers.sft import MOST_LOGITS


@dataclass(frozen=True)
class StagePlan:
    """`tokens` go through the model in the whole stage with this packing; `stock_tokens` would with one sequence a row.
    `heaviest`: (tokens, answer tokens) of the batch that memory has to hold."""

    submissions: int
    rows: int
    steps: int
    tokens: int
    stock_tokens: int
    heaviest: tuple[int, int]


def plan_stage(
    stage: Stage, examples: Sequence[TrainingExample], *, seed: int, max_steps: int | None, processes: int
) -> StagePlan:
    """Rows are pairs for DPO, criteria for SFT."""
    rows = [row for example in examples for row in _sequences(stage, example)]
    stock = sum(sum(lengths) for lengths, _ in rows)
    if stage.packing == "tree":
        trees, answers = _trees(stage, examples), [sum(a for _, a in _sequences(stage, e)) for e in examples]
        per_step = stage.gradient_accumulation_steps * processes
        sampler = SubmissionSampler(
            [[number] for number in range(len(examples))],
            trees,
            per_batch=stage.per_device_train_batch_size,
            tokens_per_batch=stage.tokens_per_step,
            seed=seed,
            epochs=epochs_needed(trees, stage.tokens_per_step, per_step, stage.num_train_epochs, max_steps),
            per_step=per_step,
            ranks=processes,
        )
        batches, tokens = len(sampler), sum(trees)
        batch = sampler.heaviest()
        heaviest = sum(trees[s] for s in batch), sum(answers[s] for s in batch)
    else:
        batches, tokens = math.ceil(len(rows) / stage.per_device_train_batch_size / processes), stock
        longest = sorted(rows, key=lambda row: sum(row[0]))[-stage.per_device_train_batch_size :]
        heaviest = sum(sum(lengths) for lengths, _ in longest), sum(a for _, a in longest)
    epoch = max(math.ceil(batches / stage.gradient_accumulation_steps), 1)
    steps = max_steps or math.ceil(stage.num_train_epochs * epoch)
    epochs = steps / epoch
    return StagePlan(len(examples), len(rows), steps, round(tokens * epochs), round(stock * epochs), heaviest)


def memory_parts(model: Any, stage: Stage, plan: StagePlan, *, trained: int, config: Any, half: bool) -> dict[str, int]:
    """Bytes by part, on each GPU, by the formula in docs/guide/training.md. `model` may be without weights, `trained`
    counts those that learn, `half`: bfloat16."""
    size, all_weights, linear = model.config, model.num_parameters(), linear_weights(model)
    full = stage.method == "full"
    width = 2 if half else 4
    weights = all_weights * (4 if full else width)
    if config.load_in_4bit:
        weights = round(linear * 0.52) + (all_weights - linear) * 2
    tokens, answers = plan.heaviest
    layer = tokens * width * (8 * size.hidden_size + 4 * size.intermediate_size)
    layers = size.num_hidden_layers
    kept = tokens * width * size.hidden_size * layers + layer if config.gradient_checkpointing else layer * layers
    copied = full and not isinstance(stage, SftStage)
    return {
        "weights": weights * (2 if copied else 1),
        "adapter": 0 if full else 4 * trained,
        "gradients": 4 * trained,
        "optimiser": 8 * trained,
        "activations": kept + 8 * min(answers * size.vocab_size, MOST_LOGITS),
    }


def trained_weights(model: Any, stage: Stage, targets: Sequence[str], r: int) -> int:
    """All weights, or those of an adapter of rank `r` on the `targets`."""
    if stage.method == "full":
        return int(model.num_parameters())
    layers = (m for name, m in model.named_modules() if name.rsplit(".", 1)[-1] in targets)
    return sum(r * (layer.in_features + layer.out_features) for layer in layers if isinstance(layer, torch.nn.Linear))


def _trees(stage: Stage, examples: Sequence[TrainingExample]) -> list[int]:
    collator: PreferenceCollator | VerdictCollator
    if isinstance(stage, SftStage):
        letters = stage.answer_only == "letter"
        collator = VerdictCollator(examples, letters_only=letters, with_shared=stage.lm_weight > 0)
    else:
        collator = PreferenceCollator(examples, pad_token_id=0)
    return [len(tree) for tree in collator.trees]


def _sequences(stage: Stage, example: TrainingExample) -> list[tuple[tuple[int, ...], int]]:
    """For each row the lengths of its sequences, and its answers' tokens."""
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
