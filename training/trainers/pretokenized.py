"""Shared base of all trainers: rows with token ids, a stop at non-finite values, and validation while training.

Overrides private methods of trl 1.16 (`_prepare_dataset`, `_send_telemetry`) and transformers 5.19 (`_run_epoch`,
`_get_grad_norm`, `_determine_best_metric`).
"""

import math
from typing import Any

import torch

from labs_schema.errors import ModelError
from training.trainers.validation import Validation


class NonFiniteError(ModelError):
    """A value of the training is NaN or infinite: it diverged.

    `what`: the loss, the gradient norm or some weights, with the value. `step`: the optimiser step, from 1. `rate`: its
    learning rate. `bad_after`: the number of steps after which the weights are bad: they gave a bad loss or gradient.
    """

    code = "training-diverged"

    def __init__(self, what: str, step: int, rate: float, bad_after: int) -> None:
        self.what, self.step, self.rate, self.bad_after = what, step, rate, bad_after
        super().__init__(f"the training diverged at step {step} with learning rate {rate:g}: {what}")


def any_process(flag: bool) -> bool:
    """Whether `flag` is set in any process. All processes must call this."""
    if not torch.distributed.is_initialized():
        return flag
    device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
    flags = torch.tensor(int(flag), device=device)
    torch.distributed.all_reduce(flags, op=torch.distributed.ReduceOp.MAX)
    return bool(flags.item())


class PretokenizedMixin:
    """Mixin for a trl trainer whose dataset already has token ids. Stops at a loss or gradient norm that is not finite.

    With a `validation`, `evaluate` measures it. A new best value also saves a checkpoint; `patience` evaluations
    without one end the training.
    """

    validation: Validation | None = None

    bad_loss: float | None = None
    """The first loss of the current optimiser step that is not finite."""
    step_rate: float = 0.0
    """The learning rate of the newest optimiser step."""

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        loss: torch.Tensor = super().training_step(*args, **kwargs)  # type: ignore[misc]
        if self.bad_loss is None and not math.isfinite(value := loss.item()):
            self.bad_loss = value
        return loss

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """transformers calls this before every optimiser step, so that no weight is changed by a bad gradient.

        A bad loss waits until here: if one process stopped earlier, the others would wait for its gradients.
        """
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)  # type: ignore[misc]
        self.step_rate = self.lr_scheduler.get_last_lr()[0]  # type: ignore[attr-defined]
        step: int = self.state.global_step + 1  # type: ignore[attr-defined]
        if any_process(self.bad_loss is not None):
            raise NonFiniteError(f"the loss is {self.bad_loss or 'not finite'}", step, self.step_rate, step - 1)
        if not math.isfinite(float(norm)):
            raise NonFiniteError(f"the gradient norm is {float(norm)}", step, self.step_rate, step - 1)
        return norm

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        """trl would tokenise here."""
        return dataset

    def _send_telemetry(self) -> None:
        """Training data is confidential: nothing is reported to Hugging Face."""

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """A run folder has its own model card."""

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        """transformers takes one step too many if it resumes after the last step."""
        state = self.state  # type: ignore[attr-defined]
        if state.global_step < state.max_steps and not self.is_patience_spent():
            super()._run_epoch(*args, **kwargs)  # type: ignore[misc]
        else:
            self.control.should_training_stop = True  # type: ignore[attr-defined]

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The metrics of the validation, logged. Raises NonFiniteError if its loss is not finite."""
        trainer: Any = self
        assert self.validation is not None
        metrics = self.validation.metrics(trainer)
        if not math.isfinite(metrics["eval_loss"]):
            step = trainer.state.global_step
            raise NonFiniteError(f"the validation loss is {metrics['eval_loss']}", step, self.step_rate, step)
        trainer.log(dict(metrics))
        trainer.control = trainer.callback_handler.on_evaluate(trainer.args, trainer.state, trainer.control, metrics)
        return metrics

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """The best weights are those of a checkpoint, so that they survive a kill."""
        found: bool = super()._determine_best_metric(metrics, trial)  # type: ignore[misc]
        control: Any = self.control  # type: ignore[attr-defined]
        control.should_save |= found
        control.should_training_stop |= self.is_patience_spent()
        return found

    def is_patience_spent(self) -> bool:
        """Computed from the trainer's state, which a checkpoint restores."""
        state: Any = self.state  # type: ignore[attr-defined]
        if self.validation is None or self.validation.patience is None or not state.best_global_step:
            return False
        waited: int = state.global_step - state.best_global_step
        return waited >= self.validation.patience * self.validation.every
