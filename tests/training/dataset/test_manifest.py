from pathlib import Path

import pytest

from labs_schema.errors import InputError
from tests.harness.errors import raises_code
from training.dataset.manifest import folder_hash, read_dataset_manifest
from training.dataset.row_formats import PairRow, read_pairs

ROW = PairRow(
    lab="lab1",
    submission="0f",
    criterion="Is it right?",
    options=("A", "B"),
    system="",
    prompt="code which?",
    shared_chars=5,
    chosen='{"answer": "A"}',
    rejected='{"answer": "B"}',
)


def test_pairs_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(f"{ROW.model_dump_json()}\n" * 3)
    assert list(read_pairs(path)) == [ROW] * 3


def test_every_invalid_line_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    good = ROW.model_dump_json()
    path.write_bytes(
        "\n".join([good, '{"lab": 1}', good, "not json", good, good[:-1] + ',"x":1}']).encode() + b"\n\xff\n"
    )
    with pytest.raises(InputError) as caught:
        list(read_pairs(path))
    assert [issue.line for issue in caught.value.issues] == [2, 4, 6, 7]
    assert {issue.code for issue in caught.value.issues} == {"bad-row"}


def test_a_missing_file_or_manifest_is_reported_with_the_command_to_run(tmp_path: Path) -> None:
    with raises_code("missing-dataset", "grader build-dataset"):
        next(read_pairs(tmp_path / "train.jsonl"))
    with raises_code("missing-manifest"):
        read_dataset_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text('{"seed": 1}')
    with raises_code("bad-manifest"):
        read_dataset_manifest(tmp_path / "train.jsonl")


def test_a_folder_hash_covers_names_and_bytes_but_not_link_targets(tmp_path: Path) -> None:
    lab, secret = tmp_path / "lab", tmp_path / "secret"
    (lab / "a").mkdir(parents=True)
    (lab / "a" / "x.c").write_text("1")
    secret.write_text("2")
    seen = {folder_hash(lab)}
    (lab / "a" / "x.c").rename(lab / "a" / "y.c")
    seen.add(folder_hash(lab))
    (lab / "a" / "y.c").write_text("2")
    seen.add(folder_hash(lab))
    (lab / "link").symlink_to(secret)
    seen.add(folder_hash(lab))
    assert len(seen) == 4
    secret.write_text("3")
    assert folder_hash(lab) in seen
