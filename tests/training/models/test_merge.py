"""Merging fails if it changes the logits, and never deletes other files."""

from pathlib import Path

import pytest
import torch

from labs_schema.errors import ModelError
from prompts.manifest import ModelManifest, write_manifest
from prompts.style import PromptStyle
from training.models.merge import TEXTS, check_logits, logits_of, merge


def test_a_changed_logit_at_any_position_is_rejected() -> None:
    before = [torch.arange(40.0).reshape(4, 10) ** 1.5, torch.randn(2, 10)]
    after = [logits.clone() for logits in before]
    after[0][3] += 0.05 * before[0][3].std()
    assert check_logits(before, after, "bfloat16", "merged") == pytest.approx(0.05, rel=1e-3)
    with pytest.raises(ModelError, match=r"by 0\.05 of their standard deviation; at most 0\.0001"):
        check_logits(before, after, "float32", "merged")
    after[1][0, 0] = float("nan")
    with pytest.raises(ModelError, match="by nan"):
        check_logits(before, after, "bfloat16", "merged")


def test_all_positions_of_all_texts_are_compared(tiny_model_folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model_folder)
    model = AutoModelForCausalLM.from_pretrained(tiny_model_folder)
    logits = logits_of(model, tokenizer)
    assert len(TEXTS) == len(logits) > 3
    assert [len(places) for places in logits] == [len(tokenizer(text)["input_ids"]) for text in TEXTS]
    assert check_logits(logits, logits_of(model, tokenizer), "float32", "merged") == 0.0


def test_an_unfinished_run_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="--resume"):
        merge(tmp_path)


@pytest.mark.parametrize("name", ["thesis.txt", "manifest.json"])
def test_other_files_are_never_deleted(tmp_path: Path, name: str) -> None:
    run, out = tmp_path / "run", tmp_path / "mine"
    for folder in (run, out):
        folder.mkdir()
    write_manifest(manifest(), run)
    (out / name).write_text("{}")
    with pytest.raises(ModelError, match="not an earlier merge"):
        merge(run, out)
    assert (out / name).read_text() == "{}"


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
