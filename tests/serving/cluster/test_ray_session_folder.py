"""Temporary folders of local clusters: those of killed runs are deleted by the next run, those in use are not."""

import tempfile
from pathlib import Path

import pytest

from serving.cluster.ray_session import FOLDER_PREFIX, ray_folder


def test_folder_of_a_killed_run_is_removed_and_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, foreign = tmp_path / f"{FOLDER_PREFIX}left", tmp_path / "another"
    for folder in (left, foreign):
        (folder / "spilled").mkdir(parents=True)
    with ray_folder() as first, ray_folder() as second:
        assert first != second
        assert Path(first).is_dir() and Path(second).is_dir() and foreign.is_dir() and not left.exists()
    assert list(tmp_path.iterdir()) == [foreign]
