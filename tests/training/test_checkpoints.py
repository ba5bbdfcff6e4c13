"""A checkpoint is opened only by the run that made it, and only whole."""

from pathlib import Path

import pytest

from labs_schema.errors import ModelError
from training.run.checkpoints import SEAL, latest_checkpoint, run_id, seal, unsealed_checkpoints

RUN = run_id("model: m\n", "abc")


def checkpoint(folder: Path, step: int, run: str | None = RUN) -> Path:
    made = folder / f"checkpoint-{step}"
    (made / "ref").mkdir(parents=True)
    (made / "rng_state.pth").write_bytes(b"state")
    (made / "ref" / "adapter.safetensors").write_bytes(b"weights")
    if run:
        seal(made, run)
    return made


def test_the_newest_sealed_checkpoint_is_found_by_number(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path, RUN) is None
    checkpoint(tmp_path, 9)
    newest = checkpoint(tmp_path, 10)
    assert latest_checkpoint(tmp_path, RUN) == newest


def test_one_without_a_seal_half_written_or_foreign_is_never_opened(tmp_path: Path) -> None:
    half = checkpoint(tmp_path, 1, run=None)
    assert latest_checkpoint(tmp_path, RUN) is None
    whole, foreign = checkpoint(tmp_path, 9), checkpoint(tmp_path, 10, run=None)
    assert latest_checkpoint(tmp_path, RUN) == whole
    assert unsealed_checkpoints(tmp_path) == [half, foreign]


@pytest.mark.parametrize("other", [run_id("model: n\n", "abc"), run_id("model: m\n", "abd")])
def test_one_of_another_run_config_or_data_set_is_refused(tmp_path: Path, other: str) -> None:
    checkpoint(tmp_path, 1, run=other)
    with pytest.raises(ModelError, match="another run's"):
        latest_checkpoint(tmp_path, RUN)


@pytest.mark.parametrize("damage", ["change", "add", "remove", "seal"])
def test_one_that_changed_since_is_refused(tmp_path: Path, damage: str) -> None:
    made = checkpoint(tmp_path, 1)
    if damage == "change":
        (made / "rng_state.pth").write_bytes(b"other")
    elif damage == "add":
        (made / "optimizer.pt").write_bytes(b"pickle")
    elif damage == "remove":
        (made / "ref" / "adapter.safetensors").unlink()
    else:
        (made / SEAL).write_text("[]")
    with pytest.raises(ModelError, match=r"not those that were sealed|cannot be read"):
        latest_checkpoint(tmp_path, RUN)
