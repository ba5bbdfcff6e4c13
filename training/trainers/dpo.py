"""Direct preference optimisation (Rafailov et al. 2023) by trl, all pairs of a submission in one forward pass.

trl's loss, metrics and reference stay trl's: only the batch and the decoder's pass over it differ. Knows no lab.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from accelerate.utils import gather_object
from datasets import Dataset
from rich.progress import track
from trl import DPOConfig, DPOTrainer

from training.dataset.examples import TrainingExample
from training.trainers.collator import PreferenceCollator
from training.trainers.submission_batches import (
    PretokenizedMixin,
    SubmissionBatches,
    WarmUpLargestBatch,
    sampler_for,
    without_trainer,
)
from training.trainers.tree_attention import enable_tree_attention


class TreeDPOTrainer(SubmissionBatches, DPOTrainer):  # type: ignore[misc]
    """trl's DPOTrainer on batches of a `PreferenceCollator`."""

    def items_in(self, batch: dict[str, torch.Tensor]) -> int:
        return len(batch["input_ids"]) // 2

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        if return_outputs:
            raise NotImplementedError("a tree-packed pass keeps no logits of whole sequences")
        counted = self._total_train_tokens
        with _ungathered(self.accelerator):
            loss = super().compute_loss(model, inputs)
        names = [name for name in self._metrics["train" if self.model.training else "eval"] if name != "num_tokens"]
        self.weigh_metrics(names, self.weight_of(inputs))
        self.count_tokens(counted, inputs)
        return self.weighed(loss, inputs, num_items_in_batch)

    def _precompute_ref_logps(self, dataset: Dataset, name: str, batch_size: int) -> Dataset:
        """The data set with the reference's log-probabilities, by whole submissions, `batch_size` at a time, shared
        among the processes. (trl's own goes through a file, which the other processes do not find.)"""
        submissions = _rows_of_submissions(self.data_collator)[self.args.process_index :: self.args.world_size]
        found: list[tuple[int, float, float]] = []
        batches = range(0, len(submissions), batch_size)
        for start in track(batches, f"Reference of the {name} pairs", disable=self.args.disable_tqdm, transient=True):
            rows = [row for its_rows in submissions[start : start + batch_size] for row in its_rows]
            batch = self._prepare_inputs(self.data_collator(dataset.select(rows).to_list()))
            chosen, rejected = self.compute_ref_log_probs(self.ref_model or self.model, batch)
            found.extend(zip(rows, chosen.tolist(), rejected.tolist(), strict=True))
        _, chosen_logps, rejected_logps = zip(*sorted(gather_object(found)), strict=True)
        return dataset.add_column("ref_chosen_logps", chosen_logps).add_column("ref_rejected_logps", rejected_logps)


@contextmanager
def _ungathered(accelerator: Any) -> Iterator[None]:
    """While inside, trl's metrics stay on their process: its way of gathering needs as many pairs on each of them."""
    accelerator.gather = accelerator.gather_for_metrics = lambda values: values
    try:
        yield
    finally:
        del accelerator.gather, accelerator.gather_for_metrics


class RowDPOTrainer(PretokenizedMixin, DPOTrainer):  # type: ignore[misc]
    """trl's DPOTrainer as it is, on rows of token ids."""


def dpo_trainer(
    model: Any,
    examples: Sequence[TrainingExample],
    args: DPOConfig,
    *,
    processing_class: Any,
    packing: Literal["tree", "none"] = "tree",
    peft_config: Any = None,
    callbacks: Sequence[Any] = (),
    optimizers: tuple[Any, Any] = (None, None),
    tokens_per_step: int | None = None,
    batches_per_step: int | None = None,
) -> DPOTrainer:
    """A trainer whose `train()` is ready to be called.

    `packing` `tree`: a batch is `per_device_train_batch_size` submissions, or as many as fit in `tokens_per_step` tree
    tokens; `batches_per_step` of them, on all processes together, make an optimiser step (as many as accumulate, where
    not given), within which every pair weighs the same. `none`: trl's own path, a batch counts pairs.
    The reference is the model without the new adapter (`peft_config`), a copy of the adapter that `model` brings along,
    what `args.precompute_ref_log_probs` stores, or else a copy of `model`. `args.max_length` is set to None: trl would
    cut answers off without a word. Dropout inside attention goes with `args.disable_dropout`, which trl forgets.
    """
    args.max_length = None
    causal_model = without_trainer(model)
    if args.disable_dropout:
        _disable_attention_dropout(causal_model)
    if packing == "tree":
        enable_tree_attention(causal_model)
    ref_model = None
    if causal_model is model and peft_config is None and not args.precompute_ref_log_probs:
        ref_model = copy.deepcopy(model)
    trl_arguments = {
        "model": model,
        "ref_model": ref_model,
        "args": args,
        "processing_class": processing_class,
        "peft_config": peft_config,
        "callbacks": list(callbacks),
        "optimizers": optimizers,
    }
    if packing == "none":
        return RowDPOTrainer(train_dataset=_token_rows(examples), **trl_arguments)
    collator = PreferenceCollator(examples, _pad_token(processing_class))
    trainer = TreeDPOTrainer(train_dataset=_pair_rows(collator), data_collator=collator, **trl_arguments)
    trainer.sampler = sampler_for(
        _rows_of_submissions(collator), collator.trees, args, tokens_per_step, batches_per_step
    )
    trainer.add_callback(WarmUpLargestBatch(trainer))
    return trainer


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


def _pad_token(tokenizer: Any) -> int:
    return int(tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id)


def _disable_attention_dropout(model: torch.nn.Module) -> None:
    for module in model.modules():
        if isinstance(getattr(module, "attention_dropout", None), float):
            setattr(module, "attention_dropout", 0.0)  # noqa: B010 (a module's attributes are tensors to mypy)
