"""Incomplete, changed and outdated datasets are detected."""

from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import InputError
from tests.harness.errors import raises_code
from training.dataset.manifest import read_dataset_manifest, verify_dataset


def test_a_dataset_without_manifest_is_incomplete(
    build: Any, labs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(labs, tmp_path)
    moved = Path.replace

    def die_at_the_second(self: Path, target: Path) -> Path:
        if target.name == "test.jsonl":
            raise KeyboardInterrupt
        return moved(self, target)

    monkeypatch.setattr(Path, "replace", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        build(labs, tmp_path, seed=1)
    with raises_code("missing-manifest"):
        read_dataset_manifest(tmp_path)


@pytest.mark.parametrize("name", ["train.jsonl", "test.jsonl"])
def test_a_changed_byte_is_reported(build: Any, labs: Path, tmp_path: Path, name: str) -> None:
    build(labs, tmp_path)
    verify_dataset(tmp_path, labs)
    path = tmp_path / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        verify_dataset(tmp_path / "train.jsonl")
    (issue,) = caught.value.issues
    assert (issue.code, issue.path) == ("changed-output", str(path))


def test_changed_labs_and_missing_files_are_reported(build: Any, labs: Path, tmp_path: Path) -> None:
    build(labs, tmp_path)
    (tmp_path / "test.jsonl").unlink()
    source = labs / "lab2" / "submissions" / "s003@course" / "main.c"
    source.write_text(source.read_text() + " ")
    with pytest.raises(InputError) as caught:
        verify_dataset(tmp_path, labs)
    assert [(issue.code, Path(issue.path).name) for issue in caught.value.issues] == [
        ("missing-output", "test.jsonl"),
        ("changed-lab", "lab2"),
    ]
