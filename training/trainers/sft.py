"""Supervised fine-tuning by trl on the TAs' verdicts, all criteria of a submission in one pass. Knows no lab."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from datasets import Dataset
from torch.nn.functional import cross_entropy
from transformers import TrainingArguments
from trl import SFTConfig, SFTTrainer

from training.dataset.examples import CriterionExample, TrainingExample
from training.trainers.collator import IGNORED, VerdictCollator
from training.trainers.submission_batches import (
    PretokenizedMixin,
    SubmissionBatches,
    WarmUpLargestBatch,
    sampler_for,
    without_trainer,
)
from training.trainers.tree_attention import enable_tree_attention

MOST_LOGITS = 2**25
"""Up to here (128 MiB in fp32) logits are held whole, which is faster; beyond, trl's head makes them piece by piece."""


class TreeSFTTrainer(SubmissionBatches, SFTTrainer):  # type: ignore[misc]
    """trl's SFTTrainer on batches of a `VerdictCollator`; `lm_weight` as in `sft_trainer`."""

    lm_weight: float = 0.0

    def items_in(self, batch: dict[str, torch.Tensor]) -> int:
        return int(batch["is_answer"].sum())

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        if return_outputs:
            raise NotImplementedError("a tree-packed pass keeps no logits of whole sequences")
        counted = self._total_train_tokens
        answers = inputs["is_answer"]
        log_probs, right = self._scored(model, inputs, answers)
        loss = -log_probs[answers].mean()
        if self.lm_weight and not bool(answers.all()):
            loss = loss - self.lm_weight * log_probs[~answers].mean()
        accuracies = self._metrics["train" if self.model.training else "eval"]["mean_token_accuracy"]
        accuracies.append(right.float().mean().item())
        self.weigh_metrics(["mean_token_accuracy"], self.weight_of(inputs))
        self.count_tokens(counted, inputs)
        return self.weighed(loss, inputs, num_items_in_batch)

    def _scored(self, model: Any, inputs: dict[str, Any], answers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The log-probabilities (1, M) of all labels, and for each of the `answers` whether it was the likeliest."""
        labels = inputs["labels"]
        trees = {name: value for name, value in inputs.items() if name.startswith("tree_")}
        if labels.numel() * self.model.config.vocab_size > MOST_LOGITS:
            # Each label stands at the place that predicts it, so trl's head must not shift them.
            outputs = model(input_ids=labels, shift_labels=labels, fused_lm_head=True, **trees)
            return outputs.log_probs, outputs.is_top1[answers]
        logits = model(input_ids=labels, **trees).logits.float()
        return -cross_entropy(logits[0], labels[0], reduction="none")[None], logits[answers].argmax(-1) == labels[
            answers
        ]


class RowSFTTrainer(PretokenizedMixin, SFTTrainer):  # type: ignore[misc]
    """trl's SFTTrainer as it is, on rows of token ids."""


def sft_trainer(
    model: Any,
    examples: Sequence[TrainingExample],
    args: SFTConfig | TrainingArguments,
    *,
    processing_class: Any,
    packing: Literal["tree", "none"] = "tree",
    lm_weight: float = 0.0,
    answer_only: Literal["verdict", "letter"] = "verdict",
    peft_config: Any = None,
    callbacks: Sequence[Any] = (),
    optimizers: tuple[Any, Any] = (None, None),
    tokens_per_step: int | None = None,
    batches_per_step: int | None = None,
) -> SFTTrainer:
    """A trainer whose `train()` is ready to be called.

    The loss, in nats: the mean cross-entropy of all answer tokens in an optimiser step (`verdict`: the whole chosen
    verdict with its end of turn; `letter`: its first token), plus `lm_weight` times the mean cross-entropy of the
    shared tokens (all but a submission's first), each batch's mean weighed by its answer tokens.

    `packing` `tree`: a batch is `per_device_train_batch_size` submissions, or as many as fit in `tokens_per_step` tree
    tokens; `batches_per_step` of them, on all processes together, make an optimiser step (as many as accumulate, where
    not given). `none`: trl's own path, a batch counts criteria; ValueError with an `lm_weight`, for each shared token
    would be learned once a criterion.
    """
    if packing == "none" and lm_weight:
        raise ValueError("lm_weight needs packing tree")
    causal_model = without_trainer(model)
    trl_arguments = {
        "model": model,
        "args": args,
        "processing_class": processing_class,
        "peft_config": peft_config,
        "callbacks": list(callbacks),
        "optimizers": optimizers,
    }
    if packing == "none":
        return RowSFTTrainer(train_dataset=_token_rows(examples, answer_only), **trl_arguments)
    enable_tree_attention(causal_model)
    collator = VerdictCollator(examples, letters_only=answer_only == "letter", with_shared=lm_weight > 0)
    submissions = range(len(examples))
    trainer = TreeSFTTrainer(
        train_dataset=Dataset.from_dict({"submission": list(submissions)}), data_collator=collator, **trl_arguments
    )
    trainer.lm_weight = lm_weight
    trainer.sampler = sampler_for([[s] for s in submissions], collator.trees, args, tokens_per_step, batches_per_step)
    trainer.add_callback(WarmUpLargestBatch(trainer))
    return trainer


def _token_rows(examples: Sequence[TrainingExample], answer_only: Literal["verdict", "letter"]) -> Dataset:
    learned = 1 if answer_only == "letter" else None
    return Dataset.from_list(
        [_token_row(example.shared, criterion, learned) for example in examples for criterion in example.criteria]
    )


def _token_row(shared: Sequence[int], criterion: CriterionExample, learned: int | None) -> dict[str, list[int]]:
    prompt, answer = [*shared, *criterion.prompt], list(criterion.chosen[:learned])
    return {"input_ids": prompt + answer, "labels": [IGNORED] * len(prompt) + answer}
