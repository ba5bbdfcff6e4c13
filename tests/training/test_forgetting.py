"""A student leaves a data set, and a run that has learned from the work is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from labs_schema.errors import GraderError
from labs_schema.hashes import submission_key
from labs_schema.lab_writer import write_lab
from labs_schema.models import Lab
from prompts.style import PromptStyle
from training.dataset.build import build_dataset
from training.dataset.files import file_hash, read_pairs, verify
from training.forgetting import DataForgotten, forget_in_data
from training.run_folder import RunFolder


def built(tmp_path: Path, make_lab: Callable[..., Lab], **how: object) -> Path:
    for name in ("lab1", "lab2"):
        write_lab(make_lab(name=name), tmp_path / "labs" / name)
    data = tmp_path / "data"
    build_dataset(tmp_path / "labs", data / "train.jsonl", data / "test.jsonl", style=PromptStyle(), **how)  # type: ignore[arg-type]
    return data


def test_rows_and_pseudonyms_of_a_student_leave_a_data_set_and_the_rest_stays(tmp_path, make_lab) -> None:
    data = built(tmp_path, make_lab, augment_attacks=1.0)
    before = {name: list(read_pairs(data / name)) for name in ("train.jsonl", "test.jsonl")}
    keys = [submission_key(lab, "s001") for lab in ("lab1", "lab2")]
    done = forget_in_data({"s001", "s999"}, data)
    verify(data)
    after = {name: list(read_pairs(data / name)) for name in before}
    for name, rows in before.items():
        assert after[name] == [row for row in rows if row.submission.removesuffix("+attack") not in keys]
    assert done.rows == sum(map(len, before.values())) - sum(map(len, after.values())) > 0
    assert not any(key.encode() in path.read_bytes() for key in keys for path in data.iterdir())
    assert {path.name for path in data.iterdir()} == {"train.jsonl", "test.jsonl", "manifest.json"}
    assert forget_in_data({"s001"}, data) == DataForgotten()


def test_a_run_is_told_of_whether_it_learned_from_the_work(tmp_path, make_lab) -> None:
    manifest = verify(built(tmp_path, make_lab))
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    run.write_dataset(file_hash(tmp_path / "data" / "train.jsonl"), manifest)
    owner = {submission_key("lab1", f"s{i:03d}"): f"s{i:03d}" for i in range(6)}
    assert forget_in_data({owner[manifest.labs["lab1"].train[0]]}, run.path).learned
    assert not forget_in_data({"s999"}, run.path).learned


def test_without_the_secret_nothing_is_touched(tmp_path, make_lab, monkeypatch: pytest.MonkeyPatch) -> None:
    data = built(tmp_path, make_lab)
    monkeypatch.setenv("GRADER_SECRET", str(tmp_path / "other.key"))
    with pytest.raises(GraderError, match="GRADER_SECRET"):
        forget_in_data({"s001"}, data)
    monkeypatch.delenv("GRADER_SECRET")
    verify(data)


def test_of_rows_that_do_not_say_whose_they_are_it_is_told_until_they_are_built_again(tmp_path, make_lab) -> None:
    data = built(tmp_path, make_lab, row_format="messages")
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    told = [forget_in_data({student}, data) for student in ("s001", "s001", "s999")]
    assert told == [DataForgotten(build_again=True), DataForgotten(build_again=True), DataForgotten()]
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before
