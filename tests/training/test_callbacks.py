"""Ctrl-C, or the signal of a machine that goes down, lets the step under way finish. The bar fits a terminal."""

import io
import os
import signal
from types import SimpleNamespace

import pytest
from rich.console import Console

from training.run.callbacks import ProgressBar, StopOnInterrupt


def state(step: int) -> SimpleNamespace:
    return SimpleNamespace(global_step=step, max_steps=10, is_world_process_zero=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_asks_for_a_checkpoint_and_the_end_once_the_step_is_done(number: signal.Signals) -> None:
    stop, control = StopOnInterrupt(), SimpleNamespace(should_save=False, should_training_stop=False)
    with stop.listening():
        stop.on_step_end(None, state(3), control)
        assert not control.should_save
        os.kill(os.getpid(), number)
        stop.on_step_end(None, state(4), control)
    assert control.should_save and control.should_training_stop and stop.stopped


def test_a_second_ctrl_c_ends_the_run_at_once() -> None:
    stop = StopOnInterrupt()
    with stop.listening(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.asked_at is not None
        stop.asked_at -= 2
        os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_in_the_last_step_stops_nothing_and_the_old_handler_comes_back() -> None:
    stop, control = StopOnInterrupt(), SimpleNamespace(should_save=False, should_training_stop=False)
    before = signal.getsignal(signal.SIGINT)
    with stop.listening():
        os.kill(os.getpid(), signal.SIGINT)
        stop.on_step_end(None, state(10), control)
    assert not stop.stopped and signal.getsignal(signal.SIGINT) is before


def test_the_bar_of_a_long_run_and_all_its_numbers_fit_80_columns() -> None:
    screen = io.StringIO()
    bar = ProgressBar("dpo", Console(file=screen, force_terminal=True, color_system=None, width=80))
    run = SimpleNamespace(global_step=10_998, max_steps=12_000, is_world_process_zero=True)
    logs = {"loss": 0.6931, "rewards/accuracies": 0.912, "rewards/margins": 12.345}
    bar.on_train_begin(None, run, None)
    bar.on_log(None, run, None, logs | {"tokens_per_second": 123_456.7, "mfu": 0.46})
    bar.on_train_end()
    last = screen.getvalue()
    assert "10998/12000" in last and "left" in last and "…" not in last
    assert "loss 0.693  accuracy 0.912  margin 12.345  123,457 tokens/s (46% of peak)" in last
