"""The SFT trainer: learns the TAs' verdicts, all criteria of a submission in one forward pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from torch.nn.functional import cross_entropy
from trl import SFTConfig, SFTTrainer

from training.dataset.examples import CriterionExample, TrainingExample
from training.trainers.collator import IGNORED, VerdictCollator
from training.trainers.frozen_layers import reuse_frozen_layers
from training.trainers.losses import sft_loss
from training.trainers.pretokenized import PretokenizedMixin
from training.trainers.submission_batches import (
    SubmissionBatches,
    TrainerInputs,
    WarmUpLargestBatch,
    causal_model_of,
    sampler_for,
)
from training.trainers.tree_attention import enable_tree_attention
from training.trainers.validation import add_validation

MAX_FULL_LOGITS = 2**25
"""Up to this many logits (128 MiB in float32) are computed at once, which is faster; above, in chunks by trl's head."""


@dataclass(frozen=True)
class SftObjective:
    """`lm_weight`: weight of language modelling on problem and code. `letters_only`: learn only each answer's first
    token instead of the complete verdict with its end of turn."""

    lm_weight: float = 0.0
    letters_only: bool = False

    def validation_loss(
        self, _: Any, batch: dict[str, torch.Tensor], log_probs: torch.Tensor, criteria: Sequence[int]
    ) -> tuple[float, int]:
        """The loss of the answers, without language modelling. The items are answer tokens."""
        first = [criteria.index(criterion) for criterion in dict.fromkeys(criteria)]
        answers = log_probs[first, :1] if self.letters_only else log_probs[first]
        return -answers.sum().item(), len(first) if self.letters_only else int(batch["completion_mask"][first].sum())


class TreeSFTTrainer(SubmissionBatches, SFTTrainer):  # type: ignore[misc]
    """trl's SFTTrainer on batches of a `VerdictCollator`."""

    lm_weight: float = 0.0

    def count_items(self, batch: dict[str, torch.Tensor]) -> int:
        return int(batch["is_answer"].sum())

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        if return_outputs:
            raise NotImplementedError("a packed forward pass has no logits of whole sequences")
        answers = inputs["is_answer"]
        log_probs, correct = self._label_log_probs(model, inputs, answers)
        loss = sft_loss(log_probs, answers, self.lm_weight)
        accuracy = correct.float().mean().item()
        self.add_metrics(inputs, {"loss": loss.item(), "mean_token_accuracy": accuracy})
        return self.scale_loss(loss, inputs, num_items_in_batch)

    def _label_log_probs(
        self, model: Any, inputs: dict[str, Any], answers: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The log-probabilities (1, M) of all labels, and for each of the `answers` whether it was the most likely."""
        labels = inputs["labels"]
        trees = {name: value for name, value in inputs.items() if name.startswith("tree_")}
        if labels.numel() * self.model.config.vocab_size > MAX_FULL_LOGITS:
            # Each label is already at the position that predicts it, so trl's head must not shift them.
            outputs = model(input_ids=labels, shift_labels=labels, fused_lm_head=True, **trees)
            return outputs.log_probs, outputs.is_top1[answers]
        logits = model(input_ids=labels, **trees).logits.float()
        log_probs = -cross_entropy(logits[0], labels[0], reduction="none")[None]
        return log_probs, logits[answers].argmax(-1) == labels[answers]


class RowSFTTrainer(PretokenizedMixin, SFTTrainer):  # type: ignore[misc]
    """trl's SFTTrainer on rows of token ids, one sequence per criterion."""


def sft_trainer(
    model: Any,
    examples: Sequence[TrainingExample],
    args: SFTConfig,
    inputs: TrainerInputs,
    objective: SftObjective | None = None,
) -> SFTTrainer:
    """A trainer that is ready for `train()`.

    The loss is `sft_loss` over all answer tokens of an optimiser step; each batch's language modelling loss is weighted
    by its answer tokens. Raises ValueError for `packing` `none` with an `lm_weight`, which would learn each shared
    token once per criterion.
    """
    objective = objective or SftObjective()
    if inputs.packing == "none" and objective.lm_weight:
        raise ValueError("lm_weight needs packing tree")
    causal_model = causal_model_of(model)
    if inputs.packing == "tree" or inputs.validation:
        enable_tree_attention(causal_model)
    trl_arguments = inputs.trl_arguments(model, args)
    if inputs.packing == "none":
        trainer = RowSFTTrainer(train_dataset=_token_rows(examples, objective.letters_only), **trl_arguments)
    else:
        if inputs.adapted_layers:
            reuse_frozen_layers(causal_model, inputs.adapted_layers)
        with_shared = objective.lm_weight > 0
        collator = VerdictCollator(examples, letters_only=objective.letters_only, with_shared=with_shared)
        submissions = range(len(examples))
        dataset = Dataset.from_dict({"submission": list(submissions)})
        trainer = TreeSFTTrainer(train_dataset=dataset, data_collator=collator, **trl_arguments)
        trainer.lm_weight = objective.lm_weight
        trainer.sampler = sampler_for([[s] for s in submissions], collator.trees, args, inputs)
        trainer.add_callback(WarmUpLargestBatch(trainer))
    add_validation(trainer, inputs.validation, objective.validation_loss, inputs.pad_token_id)
    return trainer


def _token_rows(examples: Sequence[TrainingExample], letters_only: bool) -> Dataset:
    learned = 1 if letters_only else None
    return Dataset.from_list(
        [_token_row(example.shared, criterion, learned) for example in examples for criterion in example.criteria]
    )


def _token_row(shared: Sequence[int], criterion: CriterionExample, learned: int | None) -> dict[str, list[int]]:
    prompt, answer = [*shared, *criterion.prompt], list(criterion.chosen[:learned])
    return {"input_ids": prompt + answer, "labels": [IGNORED] * len(prompt) + answer}
