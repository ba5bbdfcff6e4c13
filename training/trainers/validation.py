"""Validation while training: loss and agreement with the TAs on held-out submissions, one forward pass for each.

A pass has all criteria and ratings of its submission as one token tree. The letters' probabilities at the end of a
criterion's prompt give the model's rating; the answers' probabilities give the loss of the stage.
"""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from accelerate.utils import send_to_device
from torch import Tensor

from training.dataset.examples import TrainingExample, with_preferences
from training.trainers.collator import PreferenceCollator

BatchLoss = Callable[[Any, dict[str, Tensor], Tensor, Sequence[int]], tuple[float, int]]
"""(trainer, batch, token log-probabilities (2P, R), criterion of each of the P pairs) -> the sum of the losses over a
submission's items, and the number of items."""


@dataclass(frozen=True)
class ValidationData:
    """Held-out `examples`, measured `every` so many optimiser steps. `patience`: evaluations without a new best value
    after which the training ends (None: never)."""

    examples: tuple[TrainingExample, ...]
    every: int
    patience: int | None = None


@dataclass(frozen=True)
class Validation:
    """Measures held-out submissions with the `loss` of a stage. `every` and `patience` as in `ValidationData`."""

    collator: PreferenceCollator
    loss: BatchLoss
    every: int
    patience: int | None

    def metrics(self, trainer: Any) -> dict[str, float]:
        """`eval_loss` (mean over items, as in training), `eval_agreement` (share of criteria whose likeliest letter is
        the TA's) and `eval_criteria`. All processes must call this; each computes its share of the submissions."""
        accelerator = trainer.accelerator
        count, ranks = len(self.collator.trees), accelerator.num_processes
        sums = torch.zeros(4, dtype=torch.float64)
        with _evaluating(trainer.model_wrapped), torch.no_grad():
            for start in range(0, count, ranks):
                own = start + accelerator.process_index
                found = self._submission(trainer, own % count)  # every process computes in every round (FSDP)
                sums += torch.tensor(found, dtype=torch.float64) * (own < count)
        loss, items, agreeing, criteria = accelerator.reduce(sums.to(accelerator.device)).tolist()
        return {"eval_loss": loss / items, "eval_agreement": agreeing / criteria, "eval_criteria": criteria}

    def _submission(self, trainer: Any, number: int) -> tuple[float, int, int, int]:
        pairs = self.collator.pairs[number]
        batch = self.collator([{"submission": number, "pair": pair} for pair in range(len(pairs))])
        batch["tree_submissions"] = ~batch["tree_submissions"]  # frozen layers' states are not those of training
        batch = send_to_device(batch, trainer.accelerator.device)
        with trainer.compute_loss_context_manager():
            log_probs = answer_log_probs(trainer.model_wrapped, batch)
            criteria = [criterion for criterion, _ in pairs]
            loss, items = self.loss(trainer, batch, log_probs, criteria)
        return loss, items, *count_agreeing(log_probs[:, 0].float().cpu(), criteria)


def add_validation(trainer: Any, data: ValidationData | None, loss: BatchLoss, pad: int) -> None:
    """Lets a trainer, whose model has tree attention, evaluate `data`. A criterion without a rejected answer has one
    option, so it is not measured."""
    if data is not None:
        collator = PreferenceCollator(with_preferences(data.examples), pad)
        trainer.validation = Validation(collator, loss, data.every, data.patience)


def answer_log_probs(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """The log-probabilities (2P, R) of the answers' tokens, 0 where a row is padded. The first is the letter's."""
    # trl patches the model's forward: with `fused_lm_head` it returns the labels' log-probabilities.
    rows = {name: value for name, value in batch.items() if name != "completion_mask"}
    labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
    log_probs: Tensor = model(**rows, use_cache=False, labels=labels, fused_lm_head=True).log_probs
    return log_probs


def count_agreeing(letters: Tensor, criteria: Sequence[int]) -> tuple[int, int]:
    """`letters` (2P,): log-probabilities of the letters of P pairs, the TA's and then the others. `criteria`: the
    criterion of each pair. Returns the criteria whose TA's letter is likelier than all others, and all criteria."""
    right, wrong = letters.chunk(2)
    lost = {criterion for criterion, pair in zip(criteria, (right <= wrong).tolist(), strict=True) if pair}
    return len(set(criteria) - lost), len(set(criteria))


@contextmanager
def _evaluating(model: Any) -> Any:
    """Disables dropout inside the context."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
