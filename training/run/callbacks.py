"""Trainer callbacks: the progress bar, and stopping with a checkpoint on Ctrl-C."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text
from transformers import TrainerCallback

from training.trainers.pretokenized import any_process

SECOND_SIGNAL_SECONDS = 1
"""Signals closer together count as one: a terminal's Ctrl-C also arrives from the launcher."""


class ProgressBar(TrainerCallback):  # type: ignore[misc]
    """A rich bar with steps and times; below it loss, DPO reward accuracy and margin, tokens per second and MFU."""

    def __init__(self, stage: str, console: Console) -> None:
        self.stage, self.bar = stage, training_progress(console)

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self.task = self.bar.add_task(self.stage, total=state.max_steps, completed=state.global_step, figures="")
            self.bar.start()

    def on_log(self, _args: Any, state: Any, _control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if not state.is_world_process_zero or not logs or "train_runtime" in logs:
            return
        names = {"loss": "loss", "rewards/accuracies": "accuracy", "rewards/margins": "margin"}
        names |= {"eval_loss": "validation loss", "eval_agreement": "agreement"}
        shown = [f"{short} {float(logs[name]):.3f}" for name, short in names.items() if name in logs]
        if "tokens_per_second" in logs:
            shown.append(f"{logs['tokens_per_second']:,.0f} tokens/s (MFU {logs['mfu']:.0%})")
        self.bar.update(self.task, figures="  ".join(shown))

    def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self.bar.update(self.task, completed=state.global_step)

    def on_train_end(self, *_args: Any, **_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Stops the bar; `on_train_end` is not called after an error."""
        self.bar.stop()


class ValidateWhileTraining(TrainerCallback):  # type: ignore[misc]
    """Evaluates before the first step, every so many steps, and after the last one."""

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: Any, _control: Any, **_: Any) -> None:
        if state.global_step == 0:
            self.trainer.evaluate()  # where the curve starts; the untrained weights are not a candidate
        elif state.best_global_step:
            # transformers forgets the best checkpoint of a run folder that was moved, and would delete it.
            best = Path(args.output_dir) / f"checkpoint-{state.best_global_step}"
            state.best_model_checkpoint = str(best) if best.is_dir() else None

    def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> None:
        last = state.global_step >= state.max_steps
        control.should_evaluate |= last or state.global_step % self.trainer.validation.every == 0


class StopOnSignal(TrainerCallback):  # type: ignore[misc]
    """The first Ctrl-C or SIGTERM ends the run after the current step, with a checkpoint; a later one ends it at once.

    All processes stop at the same step, whichever of them received the signal.
    """

    def __init__(self) -> None:
        self.requested_at: float | None = None
        self.stopped = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handles the signals while inside."""
        # SIGTERM too: it is what the launcher of several processes forwards.
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.requested_at is not None and now - self.requested_at > SECOND_SIGNAL_SECONDS:
            raise KeyboardInterrupt
        self.requested_at = now

    def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> None:
        if any_process(self.requested_at is not None) and state.global_step < state.max_steps:
            control.should_save = control.should_training_stop = self.stopped = True


class _MetricsBelow(Progress):
    """Each task's bar on one line and its metrics on the next: side by side they do not fit 80 columns."""

    def get_renderables(self) -> Iterator[RenderableType]:
        for task in self.tasks:
            yield self.make_tasks_table([task])
            yield Text(f"  {task.fields['figures']}", no_wrap=True, overflow="ellipsis")


def training_progress(console: Console) -> Progress:
    """The progress bar of all training commands. A task's `figures` field is its line of metrics."""
    return _MetricsBelow(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )
