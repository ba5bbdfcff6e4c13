"""Merging is refused where it would change what the model answers."""

from pathlib import Path

import pytest
import torch

from labs_schema.errors import ModelError
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
