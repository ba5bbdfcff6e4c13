"""Only complete, unchanged checkpoints of the same run are loaded, and running metrics survive them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.harness.errors import raises_code
from training.run.checkpoints import (
    SEAL,
    SaveRunningMetrics,
    latest_checkpoint,
    run_id,
    seal,
    unsealed_checkpoints,
)
from training.trainers.submission_batches import RunningMetrics, SubmissionBatches

RUN = run_id("model: m\n", "abc")


def checkpoint(folder: Path, step: int, run: str | None = RUN) -> Path:
    made = folder / f"checkpoint-{step}"
    (made / "ref").mkdir(parents=True)
    (made / "rng_state.pth").write_bytes(b"state")
    (made / "ref" / "adapter.safetensors").write_bytes(b"weights")
    if run:
        seal(made, run)
    return made


def test_the_newest_complete_checkpoint_is_found_by_number(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path, RUN) is None
    checkpoint(tmp_path, 9)
    newest = checkpoint(tmp_path, 10)
    assert latest_checkpoint(tmp_path, RUN) == newest


def test_a_checkpoint_without_hashes_is_never_loaded(tmp_path: Path) -> None:
    half = checkpoint(tmp_path, 1, run=None)
    assert latest_checkpoint(tmp_path, RUN) is None
    complete, unsealed = checkpoint(tmp_path, 9), checkpoint(tmp_path, 10, run=None)
    assert latest_checkpoint(tmp_path, RUN) == complete
    assert unsealed_checkpoints(tmp_path) == [half, unsealed]


@pytest.mark.parametrize("other", [run_id("model: n\n", "abc"), run_id("model: m\n", "xyz")])
def test_a_checkpoint_of_another_config_or_dataset_is_rejected(tmp_path: Path, other: str) -> None:
    checkpoint(tmp_path, 1, run=other)
    with raises_code("bad-checkpoint"):
        latest_checkpoint(tmp_path, RUN)


@pytest.mark.parametrize("damage", ["change", "add", "remove", "seal"])
def test_a_changed_checkpoint_is_rejected(tmp_path: Path, damage: str) -> None:
    made = checkpoint(tmp_path, 1)
    if damage == "change":
        (made / "rng_state.pth").write_bytes(b"other")
    elif damage == "add":
        (made / "optimizer.pt").write_bytes(b"pickle")
    elif damage == "remove":
        (made / "ref" / "adapter.safetensors").unlink()
    else:
        (made / SEAL).write_text("[]")
    with raises_code("bad-checkpoint"):
        latest_checkpoint(tmp_path, RUN)


class CountingTrainer(SubmissionBatches):
    """A trainer whose batches have as many items as tokens."""

    def __init__(self, *, main: bool = True) -> None:
        self.running = RunningMetrics()
        self.accelerator = SimpleNamespace(num_processes=1, is_main_process=main)

    def count_items(self, batch: Any) -> int:
        return len(batch["tree_ids"])


def test_running_metrics_survive_a_checkpoint_exactly(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-4").mkdir()
    before, after = CountingTrainer(), CountingTrainer()
    for tokens, loss in (([1, 2, 3], 1 / 3), ([1], 0.7)):
        before.add_metrics({"tree_ids": torch.tensor(tokens)}, {"loss": loss})
    before.add_metrics({"tree_ids": torch.tensor([1, 2]), "tree_weightless": torch.tensor(True)}, {"loss": 9.0})
    state = SimpleNamespace(is_world_process_zero=True, global_step=4)
    SaveRunningMetrics(before, None).on_save(SimpleNamespace(output_dir=str(tmp_path)), state, None)
    SaveRunningMetrics(after, tmp_path / "checkpoint-4").on_train_begin()
    assert after.metric_totals() == before.metric_totals()
    assert before.metric_totals() == {"items": 4, "tokens": 4, "sums": {"loss": 1 / 3 * 3 + 0.7 * 1}}


def test_only_the_first_process_restores_the_sums() -> None:
    other = CountingTrainer(main=False)
    other.restore_metrics({"items": 4, "tokens": 10, "sums": {"loss": 1.5}})
    assert other.metric_totals() == {"items": 0, "tokens": 10, "sums": {"loss": 0.0}}
