import copy
import warnings
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
import torch

from training.dataset.examples import TrainingExample
from training.trainers.collator import pack
from training.trainers.token_trees import build_token_tree
from training.trainers.tree_attention import Kernel, TreeLayout, choose_kernel, enable_tree_attention, flex_mask


def hidden_one_by_one(model: Any, examples: Sequence[TrainingExample]) -> torch.Tensor:
    """The hidden states that predict the answers' tokens, each sequence in a separate forward pass."""
    states = []
    for example in examples:
        for criterion in example.criteria:
            start = len(example.shared) + len(criterion.prompt) - 1
            for answer in (criterion.chosen, *criterion.rejected):
                ids = [*example.shared, *criterion.prompt, *answer]
                states.append(model.base_model(torch.tensor([ids])).last_hidden_state[0, start:-1])
    return torch.cat(states)


def hidden_in_one_pass(model: Any, examples: Sequence[TrainingExample]) -> torch.Tensor:
    trees = [build_token_tree(e.shared, [(c.prompt, (c.chosen, *c.rejected)) for c in e.criteria]) for e in examples]
    positions, offset = [], 0
    for tree in trees:
        positions += [offset + position for answers in tree.tails for tail in answers for position in tail]
        offset += len(tree)
    out = model.base_model(input_ids=None, tree_index=torch.tensor(positions), **pack(trees, range(len(trees))))
    return cast(torch.Tensor, out.last_hidden_state)


@pytest.mark.parametrize("kernel", ["segments", "dense"])
@pytest.mark.parametrize("kind", ["mha", "gqa", "window", "full"])
def test_packed_trees_give_the_hidden_states_of_separate_sequences(
    kernel: Kernel, kind: str, make_model: Callable[[str], Any], make_examples: Any
) -> None:
    model, examples = make_model(kind), make_examples(4)
    with torch.no_grad():
        alone = hidden_one_by_one(model, examples)
        enable_tree_attention(model, kernel)
        packed = hidden_in_one_pass(model, examples)
    assert torch.allclose(packed, alone, atol=1e-5)


def test_a_sliding_window_limits_attention(make_model: Callable[[str], Any], make_examples: Any) -> None:
    window, full, examples = make_model("window"), make_model("full"), make_examples(2)
    for model in (window, full):
        enable_tree_attention(model)
    with torch.no_grad():
        assert not torch.allclose(hidden_in_one_pass(window, examples), hidden_in_one_pass(full, examples), atol=1e-3)


def test_a_batch_without_trees_is_unchanged(make_model: Callable[[str], Any]) -> None:
    ids, attended = torch.tensor([[5, 6, 7, 8], [9, 5, 0, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    model = make_model("window")
    with torch.no_grad():
        before = model(ids, attention_mask=attended).logits
        enable_tree_attention(model)
        after = model(ids, attention_mask=attended).logits
    assert torch.equal(before, after)


def test_a_deepcopy_uses_its_own_weights(make_model: Callable[[str], Any], make_examples: Any) -> None:
    model, examples = make_model("gqa"), make_examples(2)
    enable_tree_attention(model)
    twin = copy.deepcopy(model)
    with torch.no_grad():
        before = hidden_in_one_pass(twin, examples)
        for parameter in model.parameters():
            parameter.zero_()
        assert torch.equal(hidden_in_one_pass(twin, examples), before)


def test_enabling_twice_is_the_same_as_once(make_model: Callable[[str], Any], make_examples: Any) -> None:
    model, examples = make_model("mha"), make_examples(2)
    with torch.no_grad():
        alone = hidden_one_by_one(model, examples)
        enable_tree_attention(model)
        enable_tree_attention(model, "dense")
        assert torch.allclose(hidden_in_one_pass(model, examples), alone, atol=1e-5)


def test_the_kernel_depends_on_the_device() -> None:
    assert choose_kernel(torch.device("cpu")) == "segments"
    assert choose_kernel(torch.device("cuda")) == "flex"
    assert choose_kernel(torch.device("cuda"), dropout=0.1) == "dense"
    assert choose_kernel(torch.device("mps")) == "dense"


@pytest.mark.parametrize("window", [None, 9])
def test_the_block_mask_equals_the_dense_mask(window: int | None, make_examples: Any) -> None:
    from torch.nn.attention.flex_attention import create_block_mask, create_mask

    tree = layout(make_examples(12))
    length = len(tree.ends)
    positions = torch.arange(length)
    dense = tree.sees(positions[:, None], positions[None, :], window)
    assert torch.equal(create_mask(flex_mask(tree, window), None, None, length, length, device="cpu")[0, 0], dense)
    blocks = create_block_mask(flex_mask(tree, window), None, None, length, length, device="cpu", BLOCK_SIZE=32)
    padded = torch.nn.functional.pad(dense, (0, -length % 32, 0, -length % 32))
    tiles = padded.reshape(len(padded) // 32, 32, -1, 32).any(3).any(1)
    assert torch.equal(blocks.to_dense()[0, 0].bool(), tiles) and not tiles.all()


@pytest.mark.parametrize("kind", ["gqa", "window"])
def test_uncompiled_flex_attention_equals_dense_attention(
    kind: str, make_model: Callable[[str], Any], make_examples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch.nn.attention import flex_attention as torch_flex

    monkeypatch.setattr("training.trainers.tree_attention._compiled_flex", lambda: torch_flex.flex_attention)
    model, examples = make_model(kind), make_examples(4)
    hidden = []
    for kernel in ("dense", "flex"):
        enable_tree_attention(model, kernel)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is slow without compilation
            hidden.append(hidden_in_one_pass(model, examples))
    assert torch.allclose(hidden[0], hidden[1], atol=1e-5)


def layout(examples: Sequence[TrainingExample]) -> TreeLayout:
    trees = [build_token_tree(e.shared, [(c.prompt, (c.chosen, *c.rejected)) for c in e.criteria]) for e in examples]
    packed = pack(trees, range(len(trees)))
    return TreeLayout(packed["tree_depths"], packed["tree_ends"], packed["tree_spans"], "flex")
