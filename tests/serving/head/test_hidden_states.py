"""Hidden states of a tiny random model, and their cache."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labs_schema.errors import ModelError
from serving.head import hidden_states as module
from serving.head.feature_cache import CachedHiddenStates, cache_folder, forget_features
from serving.head.head_engine import hidden_states
from serving.head.hidden_states import Hidden, TransformersHiddenStates

TEXTS = ["int main(void) { return 0; }", "for (int i = 0; i < n; i++)\n    total += i;\n" * 4, "", "x"]


@pytest.fixture(scope="module")
def tokenizer(tiny_model_folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model_folder)


@pytest.fixture(scope="module")
def states(tiny_model_folder: Path, tokenizer: Any) -> TransformersHiddenStates:
    return TransformersHiddenStates(str(tiny_model_folder), tokenizer, (1, 2), "float32")


def test_means_are_those_of_a_plain_forward_pass(
    states: TransformersHiddenStates, tiny_model_folder: Path, tokenizer: Any
) -> None:
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(tiny_model_folder, dtype=torch.float32).eval()
    ids = tokenizer(TEXTS[1], add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        first_layer = model(ids, output_hidden_states=True).hidden_states[1][0]
    found = states.means(TEXTS)
    width = first_layer.shape[1]
    np.testing.assert_allclose(found[1, :width], first_layer[1:].mean(0).numpy(), atol=1e-4)
    assert found.shape == (4, states.width)
    assert not found[2].any()
    assert found[3].any()  # a text of one token keeps it


def test_states_do_not_depend_on_the_batch(states: TransformersHiddenStates) -> None:
    alone = np.concatenate([states.means([text]) for text in TEXTS])
    np.testing.assert_allclose(states.means(TEXTS), alone, atol=1e-4)


def test_a_long_text_is_read_in_windows(states: TransformersHiddenStates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 8)
    assert np.isfinite(states.means([TEXTS[1] * 3])).all()


def test_layers_that_the_model_lacks_are_an_error(tiny_model_folder: Path, tokenizer: Any) -> None:
    with pytest.raises(ModelError):
        hidden_states(str(tiny_model_folder), tokenizer, "hash", (1, 99), "float32")


class CountingStates:
    """The length of a text, twice. `read`: all texts so far."""

    width = 2

    def __init__(self) -> None:
        self.read: list[str] = []

    def means(self, texts: Sequence[str]) -> Hidden:
        self.read += texts
        return np.array([[len(text)] * 2 for text in texts], np.float32)

    def close(self) -> None: ...


def test_a_text_is_read_once_by_each_model() -> None:
    inner = CountingStates()
    for base_hash in ("a", "a", "b"):
        cached = CachedHiddenStates(lambda: inner, 2, base_hash, (1,), "float32")
        assert cached.means(["one", "three", "one"])[:, 0].tolist() == [3, 5, 3]
    assert inner.read == ["one", "three"] * 2


@pytest.mark.parametrize("content", [b"", b"no numbers", b"\x93NUMPY\x01\x00"])
def test_a_damaged_file_is_read_again(content: bytes) -> None:
    inner = CountingStates()
    cached = CachedHiddenStates(lambda: inner, 2, str(content), (1,), "float32")
    cached.means(["text"])
    for file in cached._folder.rglob("*.npy"):
        file.write_bytes(content)
    assert cached.means(["text"]).tolist() == [[4, 4]]
    assert inner.read == ["text", "text"]


def test_forgetting_deletes_all_states() -> None:
    CachedHiddenStates(CountingStates, 2, "forget", (1,), "float32").means(["a program"])
    forget_features()
    assert not cache_folder().exists()
