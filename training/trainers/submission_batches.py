"""Shared base of the SFT and DPO trainers: batches of whole submissions, item weights, and metrics.

Overrides a private method of transformers 5.19 (`_get_num_items_in_batch`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from accelerate.data_loader import prepare_data_loader
from accelerate.utils import send_to_device
from torch.utils.data import DataLoader
from transformers import TrainerCallback, TrainingArguments

from training.trainers.pretokenized import PretokenizedMixin
from training.trainers.sampler import BatchPlan, SubmissionSampler, epochs_needed
from training.trainers.token_trees import TokenTree
from training.trainers.validation import ValidationData


@dataclass(frozen=True)
class TrainerInputs:
    """The arguments of a trainer besides model, examples and trl's config.

    `packing` `tree`: a batch is `per_device_train_batch_size` submissions, or as many as fit in `tokens_per_step` tree
    tokens; `batches_per_step` of them over all processes form an optimiser step (None: as many as accumulate), in which
    every item (pair, or answer token) has the same weight. `none`: trl's own batches of rows.
    `new_adapter`: the LoRA config of an adapter to create. `adapted_layers`: only so many top layers are trained, so
    that the states of the others are reused (None: all layers). `validation`: what
    `evaluate` measures.
    """

    tokenizer: Any
    packing: Literal["tree", "none"] = "tree"
    new_adapter: Any = None
    adapted_layers: int | None = None
    callbacks: tuple[Any, ...] = ()
    tokens_per_step: int | None = None
    batches_per_step: int | None = None
    validation: ValidationData | None = None

    @property
    def pad_token_id(self) -> int:
        tokenizer = self.tokenizer
        return int(tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id)

    def trl_arguments(self, model: Any, args: Any) -> dict[str, Any]:
        """The arguments that trl's trainers have in common."""
        return {
            "model": model,
            "args": args,
            "processing_class": self.tokenizer,
            "peft_config": self.new_adapter,
            "callbacks": list(self.callbacks),
        }


@dataclass
class RunningMetrics:
    """Sums of metrics since the last log, weighted by items, and the tokens of this process not yet in `tokens`."""

    sums: dict[str, float] = field(default_factory=dict)
    items: float = 0.0
    new_tokens: int = 0
    tokens: int = 0


class SubmissionBatches(PretokenizedMixin):
    """Mixin for a trl trainer whose batches are whole submissions with different numbers of items (pairs, or answer
    tokens): within an optimiser step, over all batches and processes, every item has the same weight.

    A process without a batch computes the shortest submission with weight 0, because all processes must take part.
    """

    loss_is_scaled_for_ga = True
    sampler: SubmissionSampler

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.running = RunningMetrics()
        super().__init__(*args, **kwargs)

    def count_items(self, batch: dict[str, torch.Tensor]) -> int:
        """The items of a batch."""
        raise NotImplementedError

    def item_weight(self, batch: dict[str, torch.Tensor]) -> int:
        """The items of a batch that count."""
        return 0 if "tree_weightless" in batch else self.count_items(batch)

    def scale_loss(self, loss: torch.Tensor, batch: dict[str, torch.Tensor], all_items: Any) -> torch.Tensor:
        """A batch's mean `loss` times its share of the step's items, so that the sum over the step's batches is the
        mean over its items. `all_items` is None outside of a step."""
        if all_items is None:
            return loss
        # DDP averages gradients over processes, hence their number.
        processes: int = self.accelerator.num_processes  # type: ignore[attr-defined]
        share: float | torch.Tensor = self.item_weight(batch) * processes / all_items
        return loss * share

    def add_metrics(self, batch: dict[str, torch.Tensor], means: Mapping[str, float]) -> None:
        """Adds a batch's metrics, each a mean over its items, and its tree tokens."""
        running, items = self.running, self.item_weight(batch)
        for name, mean in means.items():
            running.sums[name] = running.sums.get(name, 0.0) + mean * items
        running.items += items
        running.new_tokens += len(batch["tree_ids"]) if items else 0

    def metric_totals(self) -> dict[str, Any]:
        """The running metrics of all processes together. All processes must call this."""
        running, accelerator = self.running, self.accelerator  # type: ignore[attr-defined]
        names = sorted(running.sums)
        values = [running.items, running.new_tokens, *(running.sums[name] for name in names)]
        if accelerator.num_processes > 1:
            # float64 keeps large token counts exact; MPS has none, but also no process groups.
            tensor = torch.tensor(values, dtype=torch.float64, device=accelerator.device)
            values = accelerator.reduce(tensor).tolist()
        items, new_tokens, *sums = values
        return {
            "items": items,
            "tokens": running.tokens + int(new_tokens),
            "sums": dict(zip(names, sums, strict=True)),
        }

    def restore_metrics(self, totals: Mapping[str, Any]) -> None:
        """Continues from `metric_totals`: the first process gets the sums, all get the tokens."""
        self.running = RunningMetrics(tokens=totals["tokens"])
        if self.accelerator.is_main_process:  # type: ignore[attr-defined]
            self.running.sums, self.running.items = dict(totals["sums"]), totals["items"]
        else:
            self.running.sums = dict.fromkeys(totals["sums"], 0.0)

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Adds the item-weighted means since the last log, instead of transformers' mean of the steps' losses.

        Metrics of validation are logged without them.
        """
        if "eval_loss" in logs:
            super().log(logs, *args, **kwargs)  # type: ignore[misc]
            return
        totals = self.metric_totals()
        if totals["items"]:
            logs |= {name: value / totals["items"] for name, value in totals["sums"].items()}
            logs["num_tokens"] = totals["tokens"]
        self.running = RunningMetrics(tokens=totals["tokens"])
        super().log(logs, *args, **kwargs)  # type: ignore[misc]

    def get_train_dataloader(self) -> Any:
        trainer: Any = self
        loader = DataLoader(
            trainer.train_dataset,
            batch_sampler=self.sampler,
            collate_fn=self._collate,
            num_workers=trainer.args.dataloader_num_workers,
            pin_memory=trainer.args.dataloader_pin_memory and trainer.accelerator.device.type == "cuda",
        )
        # num_processes=1: the sampler already divides the submissions among the processes.
        return prepare_data_loader(
            loader, device=trainer.accelerator.device, num_processes=1, process_index=0, put_on_device=True
        )

    def _collate(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        trainer: Any = self
        if rows:
            return dict(trainer.data_collator(rows))
        shortest = trainer.train_dataset.select(self.sampler.shortest()).to_list()
        return {**trainer.data_collator(shortest), "tree_weightless": torch.tensor(True)}

    def _get_num_items_in_batch(self, batch_samples: Sequence[dict[str, torch.Tensor]], device: Any) -> torch.Tensor:
        """The items of an optimiser step over all processes; transformers counts tokens of labels here."""
        items = torch.tensor(sum(map(self.item_weight, batch_samples)), device=device)
        gathered: torch.Tensor = self.accelerator.gather(items)  # type: ignore[attr-defined]
        return gathered.sum()


class WarmUpLargestBatch(TrainerCallback):  # type: ignore[misc]
    """Runs the largest batch before the first step and discards it, so that a run that will exceed memory fails in its
    first minute."""

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        # With DeepSpeed, accelerate's backward also steps the optimiser.
        if not self.trainer.is_deepspeed_enabled:
            run_largest_batch(self.trainer)


def run_largest_batch(trainer: Any) -> None:
    """The largest batch forward and backward. Weights, random numbers and metrics are unchanged afterwards."""
    batch = trainer.data_collator(trainer.train_dataset.select(trainer.sampler.largest()).to_list())
    running, trainer.running = trainer.running, RunningMetrics()
    with torch.random.fork_rng():
        trainer.model_wrapped.train()
        batch = send_to_device(batch, trainer.accelerator.device)
        # Before `train`, accelerate has not added autocast to the model's forward yet.
        with trainer.compute_loss_context_manager(), trainer.accelerator.autocast():
            loss = trainer.compute_loss(trainer.model_wrapped, batch)
        trainer.accelerator.backward(loss)
    trainer.model_wrapped.zero_grad()
    trainer.running = running


def sampler_for(
    rows: Sequence[Sequence[int]], trees: Sequence[TokenTree], args: TrainingArguments, inputs: TrainerInputs
) -> SubmissionSampler:
    """The sampler of a trainer. `rows`: the dataset's row numbers of each submission."""
    sizes = [len(tree) for tree in trees]
    per_step = inputs.batches_per_step or args.gradient_accumulation_steps * args.world_size
    epochs = epochs_needed(sizes, inputs.tokens_per_step, per_step, args.num_train_epochs, max(args.max_steps, 0))
    plan = BatchPlan(
        per_batch=args.per_device_train_batch_size,
        tokens_per_batch=inputs.tokens_per_step,
        seed=args.seed if args.data_seed is None else args.data_seed,
        epochs=epochs,
        per_step=per_step,
    )
    return SubmissionSampler(rows, sizes, plan, rank=args.process_index, ranks=args.world_size)


def causal_model_of(model: Any) -> Any:
    """The causal language model within `model` (perhaps wrapped by peft), without an earlier trl trainer's forward."""
    inner = model.get_base_model() if hasattr(model, "peft_config") else model
    # trl replaces `forward` on the instance; the next stage's trainer would wrap it once more.
    vars(inner).pop("forward", None)
    return inner
