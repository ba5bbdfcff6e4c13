"""Which submissions are near-copies of which: MinHash finds candidates, their whole shingle sets decide.

Knows no students, no labs and no sides. Memory is about 500 bytes a submission; the sets themselves lie in a file.
MinHash: Broder, On the resemblance and containment of documents (1997). Banding: Leskovec, Rajaraman and Ullman,
Mining of Massive Datasets, section 3.4.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import datasketch
import numpy as np
import numpy.typing as npt

THRESHOLD = 0.75
"""Jaccard similarity of two shingle sets from which on they are near-copies. docs/guide/datasets.md says why."""
BANDS, BAND_ROWS = 28, 4
"""A pair at the threshold shares no band, so is overlooked, 2 times in 100,000; one more alike more rarely."""
HASHES = BANDS * BAND_ROWS
LEAST_AGREEING = 66
"""Of the hashes, those a pair must share to be looked at closely: four standard errors below the threshold."""
CHUNK = 50_000
"""Pairs compared at a time."""

_ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)
Index = npt.NDArray[np.int64]


def similarity(one: npt.NDArray[np.uint32], other: npt.NDArray[np.uint32]) -> float:
    """Jaccard similarity of two sorted sets, 0 to 1; 1 for two empty ones."""
    if not len(one) and not len(other):
        return 1.0
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)


class Sketches:
    """The shingle sets of many submissions, by their number in the order they were added."""

    def __init__(self, path: Path) -> None:
        """`path`: a new file, for the shingles of all submissions (4 bytes each)."""
        self._file = path.open("w+b")
        self._blank = datasketch.MinHash(num_perm=HASHES, seed=1, hashfunc=int, scheme="affine32")
        self._signatures = bytearray()
        self._ends = [0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, shingles: npt.NDArray[np.uint32]) -> int:
        """Keeps a set (sorted, without repeats) and returns its number."""
        sketch = self._blank.copy()
        for start in range(0, len(shingles), CHUNK):
            sketch.update_batch(shingles[start : start + CHUNK])
        self._signatures += np.asarray(sketch.hashvalues, np.uint32).tobytes()
        self._file.write(shingles.tobytes())
        self._ends.append(self._ends[-1] + shingles.nbytes)
        return len(self) - 1

    def _shingles(self, number: int) -> npt.NDArray[np.uint32]:
        start, end = self._ends[number], self._ends[number + 1]
        return np.frombuffer(os.pread(self._file.fileno(), end - start, start), np.uint32)

    def near_copies(self, among: Index, of: Index, progress: Callable[[int, int], None] | None = None) -> set[int]:
        """Those of `among` whose similarity with one of `of` is at least THRESHOLD. `progress` gets bands done, all."""
        self._file.flush()
        found: set[int] = set()
        if not len(among) or not len(of):
            return found
        signatures = np.frombuffer(self._signatures, np.uint32).reshape(-1, HASHES)
        refuted: set[tuple[int, int]] = set()
        for band in range(BANDS):
            among = among[~np.isin(among, list(found))]
            keys = signatures[:, band * BAND_ROWS : (band + 1) * BAND_ROWS].astype(np.uint64) @ _ODD
            for left, right in sharing_a_key(keys, among, of):
                self._look_closely(signatures, left, right, found, refuted)
            if progress is not None:
                progress(band + 1, BANDS)
        return found

    def _look_closely(
        self,
        signatures: npt.NDArray[np.uint32],
        left: Index,
        right: Index,
        found: set[int],
        refuted: set[tuple[int, int]],
    ) -> None:
        """Adds those of `left` that are near-copies of their partner to `found`, other pairs to `refuted`."""
        agreeing = np.count_nonzero(signatures[left] == signatures[right], axis=1)
        likely = np.flatnonzero(agreeing >= LEAST_AGREEING)
        likely = likely[np.argsort(-agreeing[likely], kind="stable")]
        for pair in zip(left[likely].tolist(), right[likely].tolist(), strict=True):
            if pair[0] in found or pair in refuted:
                continue
            if similarity(self._shingles(pair[0]), self._shingles(pair[1])) >= THRESHOLD:
                found.add(pair[0])
            else:
                refuted.add(pair)


def sharing_a_key(keys: npt.NDArray[np.uint64], left: Index, right: Index) -> Iterator[tuple[Index, Index]]:
    """All pairs of one of `left` and one of `right` whose keys are equal, in parts of about CHUNK pairs."""
    right = right[np.argsort(keys[right], kind="stable")]
    first = np.searchsorted(keys[right], keys[left], "left")
    counts = np.searchsorted(keys[right], keys[left], "right") - first
    left, first, counts = left[counts > 0], first[counts > 0], counts[counts > 0]
    part = np.cumsum(counts) // CHUNK
    for number in np.unique(part):
        here = counts[part == number]
        offsets = np.arange(here.sum()) - np.repeat(np.cumsum(here) - here, here)
        yield np.repeat(left[part == number], here), right[np.repeat(first[part == number], here) + offsets]
