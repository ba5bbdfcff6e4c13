"""Removing students from datasets, and finding runs trained on their work."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.hashes import file_hash, submission_key
from labs_schema.models import Lab
from prompts.style import PromptStyle
from tests.harness.courses.lab_folders import write_lab
from tests.harness.errors import raises_code
from training.dataset.build import DatasetOptions, build_dataset
from training.dataset.manifest import verify_dataset
from training.dataset.row_formats import read_pairs
from training.forgetting import ForgottenData, forget_in_data
from training.run_folder import RunFolder


def built(tmp_path: Path, make_lab: Callable[..., Lab], **how: Any) -> Path:
    for name in ("lab1", "lab2"):
        write_lab(make_lab(name=name), tmp_path / "labs" / name)
    data = tmp_path / "data"
    build_dataset(
        tmp_path / "labs", data / "train.jsonl", data / "test.jsonl", DatasetOptions(style=PromptStyle(), **how)
    )
    return data


def test_only_the_students_rows_and_pseudonyms_are_removed(tmp_path, make_lab) -> None:
    data = built(tmp_path, make_lab, augment_attacks=1.0)
    before = {name: list(read_pairs(data / name)) for name in ("train.jsonl", "test.jsonl")}
    keys = [submission_key(lab, "s001") for lab in ("lab1", "lab2")]
    done = forget_in_data({"s001", "s999"}, data)
    verify_dataset(data)
    after = {name: list(read_pairs(data / name)) for name in before}
    for name, rows in before.items():
        assert after[name] == [row for row in rows if row.submission.removesuffix("+attack") not in keys]
    assert done.rows == sum(map(len, before.values())) - sum(map(len, after.values())) > 0
    assert not any(key.encode() in path.read_bytes() for key in keys for path in data.iterdir())
    assert {path.name for path in data.iterdir()} == {"train.jsonl", "test.jsonl", "manifest.json"}
    assert forget_in_data({"s001"}, data) == ForgottenData()


def test_forgetting_a_member_removes_the_groups_work(tmp_path, make_lab) -> None:
    lab = make_lab()
    group = lab.submissions[0].model_copy(update={"members": ("s000", "s100"), "folder": "team"})
    write_lab(lab.model_copy(update={"submissions": (group, *lab.submissions[1:])}), tmp_path / "labs" / "lab1")
    data = tmp_path / "data"
    build_dataset(tmp_path / "labs", data / "train.jsonl", data / "test.jsonl", DatasetOptions(style=PromptStyle()))
    keys = {submission_key("lab1", student) for student in ("s000", "s100")}
    assert any(key.encode() in path.read_bytes() for key in keys for path in data.iterdir())
    assert forget_in_data({"s100"}, data).rows > 0
    verify_dataset(data)
    assert not any(key.encode() in path.read_bytes() for key in keys for path in data.iterdir())


def test_a_run_trained_on_the_work_is_reported(tmp_path, make_lab) -> None:
    manifest = verify_dataset(built(tmp_path, make_lab))
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    run.write_dataset(file_hash(tmp_path / "data" / "train.jsonl"), manifest)
    owner = {submission_key("lab1", f"s{i:03d}"): f"s{i:03d}" for i in range(6)}
    assert forget_in_data({owner[manifest.labs["lab1"].train[0]]}, run.path).learned
    assert not forget_in_data({"s999"}, run.path).learned


def test_nothing_changes_without_the_pseudonym_key(tmp_path, make_lab, monkeypatch: pytest.MonkeyPatch) -> None:
    data = built(tmp_path, make_lab)
    monkeypatch.setenv("GRADER_SECRET", str(tmp_path / "other.key"))
    with raises_code("other-pseudonym-key"):
        forget_in_data({"s001"}, data)
    monkeypatch.delenv("GRADER_SECRET")
    verify_dataset(data)


def test_a_dataset_without_pseudonyms_must_be_rebuilt(tmp_path, make_lab) -> None:
    data = built(tmp_path, make_lab, row_format="messages")
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    found = [forget_in_data({student}, data) for student in ("s001", "s001", "s999")]
    assert found == [ForgottenData(rebuild=True), ForgottenData(rebuild=True), ForgottenData()]
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before
