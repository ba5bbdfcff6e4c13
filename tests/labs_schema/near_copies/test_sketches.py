import random
from pathlib import Path

import numpy as np
import pytest

from labs_schema.near_copies.sketches import THRESHOLD, Sketches, sharing_a_key, similarity


def numbers(*values: int) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    return np.array(sorted(values), np.uint32)


def test_similarity_is_the_jaccard_index() -> None:
    assert similarity(numbers(1, 2, 3), numbers(2, 3, 4)) == 2 / 4
    assert similarity(numbers(), numbers(1)) == 0
    assert similarity(numbers(), numbers()) == 1


@pytest.mark.parametrize("seed", range(3))
def test_near_copies_are_those_found_by_comparing_all_pairs(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    originals = [{rng.getrandbits(32) for _ in range(rng.randint(5, 120))} for _ in range(20)]
    sets = []
    for _ in range(300):
        original = sorted(rng.choice(originals))
        remaining = rng.sample(original, max(1, round(len(original) * rng.uniform(0.5, 1))))
        sets.append(numbers(*remaining))
    sides = np.array([rng.random() < 0.7 for _ in sets])
    among, of = np.flatnonzero(sides), np.flatnonzero(~sides)
    with Sketches(tmp_path / "shingles") as sketches:
        for one in sets:
            sketches.add(one)
        found = sketches.near_copies(among, of)
    expected = {i for i in among.tolist() if any(similarity(sets[i], sets[j]) >= THRESHOLD for j in of.tolist())}
    assert found == expected
    assert 20 < len(expected) < len(among)


def test_complete_sets_are_compared_and_empty_ones_are_equal(tmp_path: Path) -> None:
    with Sketches(tmp_path / "shingles") as sketches:
        for one in (numbers(), numbers(*range(100)), numbers(), numbers(*range(24, 100)), numbers(*range(26, 100))):
            sketches.add(one)
        assert sketches.near_copies(np.array([0, 1]), np.array([2, 3])) == {0, 1}
        assert sketches.near_copies(np.array([1]), np.array([4])) == set()
        assert sketches.near_copies(np.array([1]), np.array([], np.int64)) == set()


def test_pairs_with_equal_keys_come_in_steps_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labs_schema.near_copies.sketches.PAIRS_PER_STEP", 7)
    keys = np.random.default_rng(0).integers(0, 5, 60).astype(np.uint64)
    left, right = np.arange(40), np.arange(40, 60)
    parts = list(sharing_a_key(keys, left, right))
    pairs = [pair for ones, others in parts for pair in zip(ones.tolist(), others.tolist(), strict=True)]
    assert sorted(pairs) == [(i, j) for i in range(40) for j in range(40, 60) if keys[i] == keys[j]]
    assert len(parts) > 5
