"""Merging is refused where it would change what the model answers, or delete what is not its own."""

from pathlib import Path

import pytest
import torch

from labs_schema.errors import ModelError
from prompts.manifest import ModelManifest, write_manifest
from prompts.style import PromptStyle
from training.merge import check_same, merge


def test_a_merge_that_moves_a_probability_is_refused() -> None:
    before = torch.tensor([0.5, 0.3, 0.2])
    check_same(before, before + torch.tensor([0.01, -0.01, 0.0]), "bfloat16", Path("merged"))
    with pytest.raises(ModelError, match=r"by 0\.0100"):
        check_same(before, before + torch.tensor([0.01, -0.01, 0.0]), "float32", Path("merged"))
    with pytest.raises(ModelError, match="by nan"):
        check_same(before, before * float("nan"), "bfloat16", Path("merged"))


def test_an_unfinished_run_is_not_merged(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="--resume"):
        merge(tmp_path)


@pytest.mark.parametrize("kept", ["thesis.txt", "manifest.json"])
def test_a_merge_never_deletes_what_no_merge_wrote(tmp_path: Path, kept: str) -> None:
    run, out = tmp_path / "run", tmp_path / "mine"
    for folder in (run, out):
        folder.mkdir()
    write_manifest(manifest(), run)
    (out / kept).write_text("{}")
    with pytest.raises(ModelError, match="no merge wrote"):
        merge(run, out)
    assert (out / kept).read_text() == "{}"


def manifest() -> ModelManifest:
    hashes = {"tokenizer_hash": "0" * 64, "prompt_hash": "1" * 64}
    return ModelManifest(
        grader_version="0",
        base_model="tiny",
        adapter="adapter",
        style=PromptStyle(),
        context_length=64,
        option_order="given",
        **hashes,
    )
