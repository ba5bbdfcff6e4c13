"""The DPO trainer: all preference pairs of a submission in one forward pass. The losses are in `losses.py`."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from training.dataset.examples import TrainingExample
from training.trainers.collator import PreferenceCollator
from training.trainers.frozen_layers import reuse_frozen_layers
from training.trainers.losses import PREFERENCE_LOSSES, PairLogps
from training.trainers.pretokenized import PretokenizedMixin
from training.trainers.submission_batches import (
    SubmissionBatches,
    TrainerInputs,
    WarmUpLargestBatch,
    causal_model_of,
    sampler_for,
)
from training.trainers.tree_attention import enable_tree_attention
from training.trainers.validation import add_validation, answer_log_probs

UNSUPPORTED = {
    "ld_alpha": None,
    "f_divergence_type": "reverse_kl",
    "use_weighting": False,
    "precompute_ref_log_probs": False,
}
"""Options of DPOConfig that packed trees do not support, with the only value allowed."""


class TreeDPOTrainer(SubmissionBatches, DPOTrainer):  # type: ignore[misc]
    """trl's DPOTrainer on batches of a `PreferenceCollator`. The model, its adapters and the reference are trl's."""

    def count_items(self, batch: dict[str, torch.Tensor]) -> int:
        return len(batch["input_ids"]) // 2

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        if return_outputs:
            raise NotImplementedError("a packed forward pass has no logits of whole sequences")
        pairs = self._pair_logps(model, inputs)
        loss_type, beta = self.args.loss_type[0], self.args.beta
        losses = PREFERENCE_LOSSES[loss_type](pairs, beta, self.args.label_smoothing)
        rewards = beta * pairs.chosen_ratio.detach(), beta * pairs.rejected_ratio.detach()
        values = {
            "loss": losses,
            "rewards/chosen": rewards[0],
            "rewards/rejected": rewards[1],
            "rewards/margins": rewards[0] - rewards[1],
            "rewards/accuracies": (rewards[0] > rewards[1]).float(),
            "logps/chosen": pairs.chosen,
            "logps/rejected": pairs.rejected,
        }
        self.add_metrics(inputs, {name: value.detach().mean().item() for name, value in values.items()})
        return self.scale_loss(losses.mean(), inputs, num_items_in_batch)

    def _pair_logps(self, model: Any, inputs: dict[str, Any]) -> PairLogps:
        return pair_logps(self, inputs, answer_log_probs(model, inputs))


def pair_logps(trainer: Any, batch: dict[str, Any], log_probs: torch.Tensor) -> PairLogps:
    """`log_probs`: the policy's, of a batch of a `PreferenceCollator`. The reference is computed here."""
    chosen, rejected = log_probs.sum(dim=1).chunk(2)
    ref_chosen, ref_rejected = trainer.compute_ref_log_probs(trainer.ref_model or trainer.model, batch)
    chosen_tokens, rejected_tokens = batch["completion_mask"].sum(dim=1).clamp(min=1).chunk(2)
    return PairLogps(chosen, rejected, ref_chosen, ref_rejected, chosen_tokens, rejected_tokens)


def _validation_loss(
    trainer: Any, batch: dict[str, Any], log_probs: torch.Tensor, criteria: Sequence[int]
) -> tuple[float, int]:
    pairs, args = pair_logps(trainer, batch, log_probs), trainer.args
    losses = PREFERENCE_LOSSES[args.loss_type[0]](pairs, args.beta, args.label_smoothing)
    return losses.sum().item(), len(criteria)


class RowDPOTrainer(PretokenizedMixin, DPOTrainer):  # type: ignore[misc]
    """trl's DPOTrainer on rows of token ids, one sequence per answer."""


def dpo_trainer(model: Any, examples: Sequence[TrainingExample], args: DPOConfig, inputs: TrainerInputs) -> DPOTrainer:
    """A trainer that is ready for `train()`.

    The reference is the model without the new adapter, a copy of the adapter that `model` already has, or else a copy
    of `model`. Sets `args.max_length` to None, because trl would truncate answers silently. Raises ValueError for
    options that `packing` `tree` does not support.
    """
    args.max_length = None
    causal_model = causal_model_of(model)
    if args.disable_dropout:
        _disable_attention_dropout(causal_model)
    if inputs.packing == "tree":
        _check_supported(args)
    if inputs.packing == "tree" or inputs.validation:
        enable_tree_attention(causal_model)  # before the reference is copied, which needs it too
    if inputs.packing == "tree" and inputs.adapted_layers:
        reuse_frozen_layers(causal_model, inputs.adapted_layers)
    needs_copy = causal_model is model and inputs.new_adapter is None and not args.precompute_ref_log_probs
    ref_model = copy.deepcopy(model) if needs_copy else None
    trl_arguments = inputs.trl_arguments(model, args) | {"ref_model": ref_model}
    if inputs.packing == "none":
        trainer = RowDPOTrainer(train_dataset=_token_rows(examples), **trl_arguments)
    else:
        collator = PreferenceCollator(examples, inputs.pad_token_id)
        trainer = TreeDPOTrainer(train_dataset=_pair_rows(collator), data_collator=collator, **trl_arguments)
        trainer.sampler = sampler_for(_rows_of_submissions(collator), collator.trees, args, inputs)
        trainer.add_callback(WarmUpLargestBatch(trainer))
    add_validation(trainer, inputs.validation, _validation_loss, inputs.pad_token_id)
    return trainer


def _check_supported(args: DPOConfig) -> None:
    if len(args.loss_type) != 1 or args.loss_type[0] not in PREFERENCE_LOSSES:
        raise ValueError(f"loss_type must be one of {', '.join(PREFERENCE_LOSSES)}, not {args.loss_type}")
    for name, value in UNSUPPORTED.items():
        if getattr(args, name) != value:
            raise ValueError(f"packing tree supports only {name}={value!r}")


def _pair_rows(collator: PreferenceCollator) -> Dataset:
    pairs = [(s, p) for s, its_pairs in enumerate(collator.pairs) for p in range(len(its_pairs))]
    return Dataset.from_dict({"submission": [s for s, _ in pairs], "pair": [p for _, p in pairs]})


def _rows_of_submissions(collator: PreferenceCollator) -> list[range]:
    rows, start = [], 0
    for pairs in collator.pairs:
        rows.append(range(start, start + len(pairs)))
        start += len(pairs)
    return rows


def _token_rows(examples: Sequence[TrainingExample]) -> Dataset:
    return Dataset.from_list(
        [
            {"prompt_ids": [*e.shared, *c.prompt], "chosen_ids": list(c.chosen), "rejected_ids": list(rejected)}
            for e in examples
            for c in e.criteria
            for rejected in c.rejected
        ]
    )


def _disable_attention_dropout(model: torch.nn.Module) -> None:
    # trl's `disable_dropout` only changes Dropout modules; attention's dropout is a number.
    for module in model.modules():
        if isinstance(getattr(module, "attention_dropout", None), float):
            setattr(module, "attention_dropout", 0.0)  # noqa: B010 (to mypy all attributes of a module are tensors)
