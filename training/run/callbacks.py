"""What happens beside the steps: a progress bar, sealed checkpoints, Ctrl-C.

Knows no loss and no data.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text
from transformers import TrainerCallback

from training.run.checkpoints import seal


class ProgressBar(TrainerCallback):  # type: ignore[misc]
    """A rich bar: steps, time gone and left; below it loss, for DPO reward accuracy and margin, tokens per second and
    that as a share of the machine's matmul peak."""

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
        shown = [f"{short} {float(logs[name]):.3f}" for name, short in names.items() if name in logs]
        if "tokens_per_second" in logs:
            shown.append(f"{logs['tokens_per_second']:,.0f} tokens/s ({logs['mfu']:.0%} of peak)")
        self.bar.update(self.task, figures="  ".join(shown))

    def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self.bar.update(self.task, completed=state.global_step)

    def on_train_end(self, *_args: Any, **_: Any) -> None:
        self.bar.stop()


class SealCheckpoints(TrainerCallback):  # type: ignore[misc]
    """Seals every checkpoint once it is whole."""

    def __init__(self, run: str) -> None:
        self.run = run

    def on_save(self, args: Any, state: Any, _control: Any, **_: Any) -> None:
        if torch.distributed.is_initialized():
            torch.distributed.barrier()
        if state.is_world_process_zero:
            seal(Path(args.output_dir) / f"checkpoint-{state.global_step}", self.run)


class StopOnInterrupt(TrainerCallback):  # type: ignore[misc]
    """The first Ctrl-C ends the run after the step under way, with a checkpoint; a later one ends it at once.

    SIGTERM counts too: it is what a launcher of several processes sends on. All processes stop at the same step.
    """

    def __init__(self) -> None:
        self.asked_at: float | None = None
        self.stopped = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._hear) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.asked_at is not None and now - self.asked_at > 1:
            raise KeyboardInterrupt
        self.asked_at = now

    def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> None:
        if _any_process(self.asked_at is not None) and state.global_step < state.max_steps:
            control.should_save = control.should_training_stop = self.stopped = True


def _any_process(flag: bool) -> bool:
    if not torch.distributed.is_initialized():
        return flag
    device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
    flags = torch.tensor(int(flag), device=device)
    torch.distributed.all_reduce(flags, op=torch.distributed.ReduceOp.MAX)
    return bool(flags.item())


class _FiguresBelow(Progress):
    """A task's bar on one line and its numbers on the next: side by side they do not fit a terminal of 80 columns."""

    def get_renderables(self) -> Iterator[RenderableType]:
        for task in self.tasks:
            yield self.make_tasks_table([task])
            yield Text(f"  {task.fields['figures']}", no_wrap=True, overflow="ellipsis")


def training_progress(console: Console) -> Progress:
    """The bar that every training of this program shows. A task's `figures` field is its line of numbers."""
    return _FiguresBelow(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )
