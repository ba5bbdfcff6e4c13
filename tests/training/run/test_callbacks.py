"""Ctrl-C and SIGTERM stop a run after the current step. The progress bar fits a terminal."""

import io
import os
import signal
from types import SimpleNamespace

import pytest
from rich.console import Console

from training.run.callbacks import ProgressBar, StopOnSignal


def state(step: int) -> SimpleNamespace:
    return SimpleNamespace(global_step=step, max_steps=10, is_world_process_zero=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_the_current_step_with_a_checkpoint(number: signal.Signals) -> None:
    stop, control = StopOnSignal(), SimpleNamespace(should_save=False, should_training_stop=False)
    with stop.listening():
        stop.on_step_end(None, state(3), control)
        assert not control.should_save
        os.kill(os.getpid(), number)
        stop.on_step_end(None, state(4), control)
    assert control.should_save and control.should_training_stop and stop.stopped


def test_a_second_ctrl_c_stops_immediately() -> None:
    stop = StopOnSignal()
    with stop.listening(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested_at is not None
        stop.requested_at -= 2
        os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_in_the_last_step_has_no_effect_and_the_handler_is_restored() -> None:
    stop, control = StopOnSignal(), SimpleNamespace(should_save=False, should_training_stop=False)
    before = signal.getsignal(signal.SIGINT)
    with stop.listening():
        os.kill(os.getpid(), signal.SIGINT)
        stop.on_step_end(None, state(10), control)
    assert not stop.stopped and signal.getsignal(signal.SIGINT) is before


def test_the_progress_bar_of_a_long_run_fits_80_columns() -> None:
    screen = io.StringIO()
    bar = ProgressBar("dpo", Console(file=screen, force_terminal=True, color_system=None, width=80))
    run = SimpleNamespace(global_step=10_998, max_steps=12_000, is_world_process_zero=True)
    logs = {"loss": 0.6931, "rewards/accuracies": 0.912, "rewards/margins": 12.345}
    bar.on_train_begin(None, run, None)
    bar.on_log(None, run, None, logs | {"tokens_per_second": 123_456.7, "mfu": 0.46})
    bar.on_train_end()
    last = screen.getvalue()
    assert "10998/12000" in last and "left" in last and "…" not in last
    assert "loss 0.693  accuracy 0.912  margin 12.345  123,457 tokens/s (MFU 46%)" in last
