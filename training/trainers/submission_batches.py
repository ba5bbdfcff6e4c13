"""What tree-packed SFT and DPO change in trl's trainers: where batches come from and how they are weighed.

Knows no loss.
"""

from collections.abc import Sequence
from typing import Any

import torch
from accelerate.data_loader import prepare_data_loader
from torch.utils.data import DataLoader
from transformers import TrainerCallback, TrainingArguments

from training.trainers.sampler import SubmissionSampler, epochs_needed
from training.trainers.token_trees import TokenTree


class PretokenizedMixin:
    """Mixed into a trl trainer whose data set holds token ids already: trl tokenises nothing, and tells nobody."""

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset

    def _send_telemetry(self) -> None:
        """A grader reports its runs to nobody."""

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """A run folder has its own model card."""

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        """As it is, unless no step is left: resumed after the last one, transformers would take one more."""
        state = self.state  # type: ignore[attr-defined]
        if state.global_step < state.max_steps:
            super()._run_epoch(*args, **kwargs)  # type: ignore[misc]
        else:
            self.control.should_training_stop = True  # type: ignore[attr-defined]


class SubmissionBatches(PretokenizedMixin):
    """Mixed into a trl trainer whose batches are whole submissions with unequal numbers of items (pairs, or answer
    tokens): over the batches of one optimiser step, on all processes, every item weighs the same.

    Where the sampler has no batch left for this process, the shortest submission goes through without any weight, for
    the processes compute together."""

    loss_is_scaled_for_ga = True
    sampler: SubmissionSampler

    def items_in(self, batch: dict[str, torch.Tensor]) -> int:
        raise NotImplementedError

    def weight_of(self, batch: dict[str, torch.Tensor]) -> int:
        """The items of `batch` that count."""
        return 0 if "tree_weightless" in batch else self.items_in(batch)

    def weighed(self, loss: torch.Tensor, batch: dict[str, torch.Tensor], all_items: Any) -> torch.Tensor:
        """A batch's mean `loss` as its share of the step's: the sum over a step's batches is the mean over its items.

        DDP averages gradients over processes, hence their number. `all_items` None: not within a step (evaluation).
        """
        if all_items is None:
            return loss
        processes: int = self.accelerator.num_processes  # type: ignore[attr-defined]
        share: float | torch.Tensor = self.weight_of(batch) * processes / all_items
        return loss * share

    def count_tokens(self, counted_before: int, batch: dict[str, torch.Tensor]) -> None:
        """Makes trl's `num_tokens` count the tokens that went through the model, not those of its response rows."""
        trainer: Any = self
        if trainer.model.training:
            tokens = 0 if "tree_weightless" in batch else len(batch["tree_ids"])
            here = torch.tensor(tokens, device=trainer.accelerator.device)
            trainer._total_train_tokens = counted_before + int(trainer.accelerator.gather(here).sum())
            trainer._metrics["train"]["num_tokens"] = [trainer._total_train_tokens]

    def get_train_dataloader(self) -> Any:
        trainer: Any = self
        loader = DataLoader(
            trainer.train_dataset,
            batch_sampler=self.sampler,
            collate_fn=self._collated,
            num_workers=trainer.args.dataloader_num_workers,
            pin_memory=trainer.args.dataloader_pin_memory and trainer.accelerator.device.type == "cuda",
        )
        # One process only: the sampler has shared the submissions among the processes already.
        return prepare_data_loader(
            loader, device=trainer.accelerator.device, num_processes=1, process_index=0, put_on_device=True
        )

    def _collated(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        trainer: Any = self
        if rows:
            return dict(trainer.data_collator(rows))
        shortest = trainer.train_dataset.select(self.sampler.lightest()).to_list()
        return {**trainer.data_collator(shortest), "tree_weightless": torch.tensor(True)}

    def weigh_metrics(self, names: Sequence[str], items: int) -> None:
        """Makes the last value of these metrics the mean over this batch's items on all processes, and repeats it, for
        trl takes the mean over batches: so a batch weighs as its items."""
        trainer: Any = self
        metrics = trainer._metrics["train" if trainer.model.training else "eval"]
        sums = torch.tensor([*(metrics[name][-1] * items for name in names), items])
        *totals, all_items = trainer.accelerator.reduce(sums.to(trainer.accelerator.device)).tolist()
        for name, total in zip(names, totals, strict=True):
            metrics[name][-1:] = [total / all_items] * round(all_items)

    def _get_num_items_in_batch(self, batch_samples: Sequence[dict[str, torch.Tensor]], device: Any) -> torch.Tensor:
        items = torch.tensor(sum(map(self.weight_of, batch_samples)), device=device)
        gathered: torch.Tensor = self.accelerator.gather(items)  # type: ignore[attr-defined]
        return gathered.sum()


class WarmUpLargestBatch(TrainerCallback):  # type: ignore[misc]
    """Before the first step, takes the heaviest batch through the model and back and forgets it: a run that would run
    out of memory does so in its first minute. Leaves weights, random numbers and metrics as they were; so it does
    nothing under DeepSpeed, where accelerate's backward steps the optimizer too."""

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        if not self.trainer.is_deepspeed_enabled:
            heaviest_pass(self.trainer)


def heaviest_pass(trainer: Any) -> None:
    """The heaviest batch forward and back, with no trace left."""
    batch = trainer.data_collator(trainer.train_dataset.select(trainer.sampler.heaviest()).to_list())
    counted = trainer._total_train_tokens
    with torch.random.fork_rng():
        trainer.model_wrapped.train()
        batch = trainer._prepare_inputs(batch)
        with trainer.compute_loss_context_manager():
            loss = trainer.compute_loss(trainer.model_wrapped, batch)
        trainer.accelerator.backward(loss)
    trainer.model_wrapped.zero_grad()
    trainer._total_train_tokens = counted
    trainer._metrics["train"].clear()


def sampler_for(
    rows: Sequence[Sequence[int]],
    trees: Sequence[TokenTree],
    args: TrainingArguments,
    tokens_per_step: int | None,
    batches_per_step: int | None,
) -> SubmissionSampler:
    """`args.per_device_train_batch_size` submissions a batch, or as many as fit in `tokens_per_step` tree tokens; None
    `batches_per_step`: those that accumulate on all processes that there are."""
    sizes = [len(tree) for tree in trees]
    per_step = batches_per_step or args.gradient_accumulation_steps * args.world_size
    return SubmissionSampler(
        rows,
        sizes,
        per_batch=args.per_device_train_batch_size,
        tokens_per_batch=tokens_per_step,
        seed=args.seed if args.data_seed is None else args.data_seed,
        epochs=epochs_needed(sizes, tokens_per_step, per_step, args.num_train_epochs, max(args.max_steps, 0)),
        per_step=per_step,
        rank=args.process_index,
        ranks=args.world_size,
    )


def without_trainer(model: Any) -> Any:
    """`model` (perhaps under peft), rid of the forward that an earlier stage's trainer has left on it; the causal
    language model within."""
    inner = model.get_base_model() if hasattr(model, "peft_config") else model
    vars(inner).pop("forward", None)
    return inner
