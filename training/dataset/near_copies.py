"""Finds near-copies: MinHash gives candidate pairs, and the Jaccard similarity of their shingle sets decides.

Uses about 500 bytes of memory per submission; the sets themselves are in a file.
MinHash: Broder, On the resemblance and containment of documents (1997). Banding: Leskovec, Rajaraman and Ullman,
Mining of Massive Datasets, section 3.4.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import datasketch
import numpy as np
import numpy.typing as npt

THRESHOLD = 0.75
"""Jaccard similarity at which two submissions count as near-copies. Measured in docs/measurements/near-copies.md."""
BANDS, BAND_ROWS = 28, 4
"""A pair at the threshold has no band in common, and is missed, with probability 2e-5; more similar pairs
are missed less often."""
HASHES = BANDS * BAND_ROWS
MIN_EQUAL_HASHES = 66
"""A pair with fewer equal hashes is not compared exactly: four standard errors below the threshold."""
PAIRS_PER_STEP = 50_000
"""Pairs (or shingles) in one numpy call, which bounds memory."""

_ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)
Index = npt.NDArray[np.int64]


def similarity(one: npt.NDArray[np.uint32], other: npt.NDArray[np.uint32]) -> float:
    """Jaccard similarity of two sorted sets, 0 to 1; 1 for two empty ones."""
    if not len(one) and not len(other):
        return 1.0
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)


class Sketches:
    """The shingle sets of many submissions, numbered in the order they were added."""

    def __init__(self, path: Path) -> None:
        """`path`: a new file for all shingles, 4 bytes each."""
        self._file = path.open("w+b")
        self._blank = datasketch.MinHash(num_perm=HASHES, seed=1, hashfunc=int, scheme="affine32")
        self._signatures = bytearray()
        self._ends = [0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, shingles: npt.NDArray[np.uint32]) -> int:
        """Adds a set (sorted, without duplicates) and returns its number."""
        sketch = self._blank.copy()
        for start in range(0, len(shingles), PAIRS_PER_STEP):
            sketch.update_batch(shingles[start : start + PAIRS_PER_STEP])
        self._signatures += np.asarray(sketch.hashvalues, np.uint32).tobytes()
        self._file.write(shingles.tobytes())
        self._ends.append(self._ends[-1] + shingles.nbytes)
        return len(self) - 1

    def _shingles(self, number: int) -> npt.NDArray[np.uint32]:
        start, end = self._ends[number], self._ends[number + 1]
        return np.frombuffer(os.pread(self._file.fileno(), end - start, start), np.uint32)

    def near_copies(self, among: Index, of: Index, progress: Callable[[int, int], None] | None = None) -> set[int]:
        """Those of `among` that are near-copies of one of `of`. `progress` is called with bands done and in total."""
        self._file.flush()
        found: set[int] = set()
        if not len(among) or not len(of):
            return found
        signatures = np.frombuffer(self._signatures, np.uint32).reshape(-1, HASHES)
        rejected: set[tuple[int, int]] = set()
        for band in range(BANDS):
            among = among[~np.isin(among, list(found))]
            keys = signatures[:, band * BAND_ROWS : (band + 1) * BAND_ROWS].astype(np.uint64) @ _ODD
            for left, right in sharing_a_key(keys, among, of):
                self._compare(signatures, left, right, found, rejected)
            if progress is not None:
                progress(band + 1, BANDS)
        return found

    def _compare(
        self,
        signatures: npt.NDArray[np.uint32],
        left: Index,
        right: Index,
        found: set[int],
        rejected: set[tuple[int, int]],
    ) -> None:
        """Adds those of `left` that are near-copies of their partner to `found`, and other pairs to `rejected`."""
        agreeing = np.count_nonzero(signatures[left] == signatures[right], axis=1)
        likely = np.flatnonzero(agreeing >= MIN_EQUAL_HASHES)
        likely = likely[np.argsort(-agreeing[likely], kind="stable")]
        for pair in zip(left[likely].tolist(), right[likely].tolist(), strict=True):
            if pair[0] in found or pair in rejected:
                continue
            if similarity(self._shingles(pair[0]), self._shingles(pair[1])) >= THRESHOLD:
                found.add(pair[0])
            else:
                rejected.add(pair)


def sharing_a_key(keys: npt.NDArray[np.uint64], left: Index, right: Index) -> Iterator[tuple[Index, Index]]:
    """All pairs of one of `left` and one of `right` with equal keys, about PAIRS_PER_STEP at a time."""
    right = right[np.argsort(keys[right], kind="stable")]
    first = np.searchsorted(keys[right], keys[left], "left")
    counts = np.searchsorted(keys[right], keys[left], "right") - first
    left, first, counts = left[counts > 0], first[counts > 0], counts[counts > 0]
    part = np.cumsum(counts) // PAIRS_PER_STEP
    for number in np.unique(part):
        here = counts[part == number]
        offsets = np.arange(here.sum()) - np.repeat(np.cumsum(here) - here, here)
        yield np.repeat(left[part == number], here), right[np.repeat(first[part == number], here) + offsets]
