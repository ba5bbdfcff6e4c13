from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.trainers.token_trees import TokenTree, build_token_tree

ids = st.lists(st.integers(1, 3), min_size=1, max_size=5)
criteria = st.lists(st.tuples(ids, st.lists(ids, min_size=1, max_size=3)), min_size=1, max_size=3)


def attended_from(tree: TokenTree, position: int) -> list[int]:
    return [int(tree.tokens[j]) for j in range(position + 1) if position < tree.ends[j]]


def test_shared_tokens_are_in_the_tree_once() -> None:
    tree = build_token_tree([1, 2, 3], [([7, 8], [[4, 5, 9], [6, 5, 9]]), ([7], [[4, 9]])])
    assert tree.tokens.tolist() == [1, 2, 3, 7, 8, 4, 5, 6, 5, 4]
    assert tree.depths.tolist() == [0, 1, 2, 3, 4, 5, 6, 5, 6, 4]
    assert tree.ends.tolist() == [10, 10, 10, 10, 9, 7, 7, 9, 9, 10]
    assert tree.trunk == 4
    assert tree.branches == ((4, 9), (9, 10))
    assert tree.tails == (((4, 5, 6), (4, 7, 8)), ((3, 9),))


def test_one_sequence_is_all_trunk() -> None:
    tree = build_token_tree([1, 2], [([3], [[4]])])
    assert (tree.tokens.tolist(), tree.trunk, tree.branches) == ([1, 2, 3], 3, ())
    assert tree.tails == (((2,),),)


def test_a_prompt_may_be_a_prefix_of_another() -> None:
    tree = build_token_tree([], [([1], [[2, 3]]), ([1, 2], [[5, 3]])])
    assert tree.tokens.tolist() == [1, 2, 5]
    assert tree.tails == (((0, 1),), ((1, 2),))


@pytest.mark.parametrize(("prompt", "answer"), [([], [4]), ([3], [])])
def test_an_empty_prompt_or_answer_is_rejected(prompt: list[int], answer: list[int]) -> None:
    with pytest.raises(ValueError, match="at least one prompt token"):
        build_token_tree([], [(prompt, [answer])])


@given(shared=ids, criteria=criteria)
def test_each_position_attends_to_its_own_sequence(
    shared: list[int], criteria: Sequence[tuple[list[int], list[list[int]]]]
) -> None:
    tree = build_token_tree(shared, criteria)
    for (prompt, answers), tails in zip(criteria, tree.tails, strict=True):
        for answer, tail in zip(answers, tails, strict=True):
            before = [*shared, *prompt]
            assert [attended_from(tree, place) for place in tail] == [before + answer[:n] for n in range(len(answer))]
            assert [int(tree.depths[place]) for place in tail] == [len(before) + n - 1 for n in range(len(answer))]
    assert list(tree.branches) == sorted(tree.branches)
    assert sum(end - start for start, end in tree.branches) + tree.trunk == len(tree)
    assert np.all(tree.ends[: tree.trunk] == len(tree))
