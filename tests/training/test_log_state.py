"""What was counted and not logged when a checkpoint was saved is there again after it is loaded."""

from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from training.run.log_state import FILE, LogState


def trainer(loss: float, logged: int, tokens: int, **metrics: list[float]) -> Any:
    train = defaultdict(list, metrics)
    return SimpleNamespace(
        _tr_loss=torch.tensor(loss),
        _globalstep_last_logged=logged,
        _total_train_tokens=tokens,
        _metrics={"train": train},
        accelerator=SimpleNamespace(reduce=lambda value, **_: value),
    )


def test_losses_tokens_and_metrics_since_the_last_log_survive_a_checkpoint_to_the_last_bit(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-4").mkdir()
    before, after = trainer(1 / 3, 3, 77, margins=[0.1, 0.2]), trainer(0.0, 4, 0)
    state = SimpleNamespace(is_world_process_zero=True, global_step=4)
    LogState(before, None).on_save(SimpleNamespace(output_dir=str(tmp_path)), state, None)
    LogState(after, tmp_path / "checkpoint-4").on_train_begin()
    assert torch.equal(after._tr_loss, before._tr_loss)
    assert (after._globalstep_last_logged, after._total_train_tokens) == (3, 77)
    assert after._metrics["train"] == {"margins": [0.1, 0.2]} and after._metrics["train"]["new"] == []


def test_a_process_that_is_not_the_first_writes_nothing_and_an_older_checkpoint_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-4").mkdir()
    second = SimpleNamespace(is_world_process_zero=False, global_step=4)
    LogState(trainer(1.0, 0, 0), None).on_save(SimpleNamespace(output_dir=str(tmp_path)), second, None)
    assert not (tmp_path / "checkpoint-4" / FILE).exists()
    fresh = trainer(0.5, 4, 9)
    LogState(fresh, tmp_path / "checkpoint-4").on_train_begin()
    assert (float(fresh._tr_loss), fresh._total_train_tokens) == (0.5, 9)
