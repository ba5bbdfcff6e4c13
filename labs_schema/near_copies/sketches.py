"""Finds near-copies: MinHash gives candidate pairs, and the Jaccard similarity of their shingle sets decides.

Starter code is ignored: shingles of a lab's template, and shingles that most of its students share. They are removed
from the submissions of all labs, so that equal programs stay equal even if only one of their labs has a template.

Uses about 500 bytes of memory per submission; the sets themselves are in a file.
MinHash: Broder, On the resemblance and containment of documents (1997). Banding: Leskovec, Rajaraman and Ullman,
Mining of Massive Datasets, section 3.4.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from labs_schema.models import Lab, SourceFile
from labs_schema.near_copies.source_tokens import shingles

THRESHOLD = 0.75
"""Jaccard similarity at which two submissions count as near-copies. Measured in docs/measurements/near-copies.md."""
BANDS, BAND_ROWS = 28, 4
"""A pair at the threshold has no band in common, and is missed, with probability 2e-5; more similar pairs
are missed less often."""
HASHES = BANDS * BAND_ROWS
MIN_EQUAL_HASHES = 66
"""A pair with fewer equal hashes is not compared exactly: four standard errors below the threshold."""
MOST, AT_LEAST = 0.6, 4
"""A shingle in this share of a lab's submissions, and in at least this number, counts as starter code."""
PAIRS_PER_STEP = 50_000
"""Pairs (or shingles) in one numpy call, which bounds memory."""

_ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)
Index = npt.NDArray[np.int64]
Shingles = npt.NDArray[np.uint32]
"""A sorted set of shingles, shape (n,)."""


def similarity(one: Shingles, other: Shingles) -> float:
    """Jaccard similarity of two sorted sets, 0 to 1; 1 for two empty ones."""
    if not len(one) and not len(other):
        return 1.0
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)


def starter_code(template: Shingles, submissions: Sequence[Shingles]) -> Shingles:
    """The shingles of the `template`, and those that most of the `submissions` of its lab have."""
    if not submissions:
        return template
    values, counts = np.unique(np.concatenate(submissions), return_counts=True)
    return np.union1d(template, values[counts >= max(AT_LEAST, MOST * len(submissions))])


def signature(program: Shingles) -> Shingles:
    """The MinHash values of a set, shape (HASHES,)."""
    sketch = _blank().copy()
    for start in range(0, len(program), PAIRS_PER_STEP):
        sketch.update_batch(program[start : start + PAIRS_PER_STEP])
    return np.asarray(sketch.hashvalues, np.uint32)


@cache
def _blank() -> Any:
    import datasketch  # slow to import: it loads scipy

    return datasketch.MinHash(num_perm=HASHES, seed=1, hashfunc=int, scheme="affine32")


class Sketches:
    """The shingle sets of many submissions, numbered in the order they were added.

    Add all labs first, then call `near_copies`.
    """

    def __init__(self, path: Path) -> None:
        """`path`: a new file for all shingles, 4 bytes each."""
        self._file = path.open("w+b")
        self._signatures = np.empty((0, HASHES), np.uint32)
        self._ignored: list[Shingles] = []
        self._ends = [0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add_lab(self, lab: Lab, students: Collection[str]) -> None:
        """Adds the submissions of these students, in the lab's order, and ignores the lab's starter code."""

        def of(files: Iterable[SourceFile]) -> Shingles:
            return shingles((file.text for file in files), lab.language)

        programs = {submission.student: of(submission.files) for submission in lab.submissions}
        self.ignore(starter_code(of(lab.template), list(programs.values())))
        for student, program in programs.items():
            if student in students:
                self.add(program)

    def add(self, program: Shingles) -> int:
        """Adds a set and returns its number."""
        self._file.write(program.tobytes())
        self._ends.append(self._ends[-1] + program.nbytes)
        return len(self) - 1

    def ignore(self, starter: Shingles) -> None:
        """Leaves these shingles out of all sets, including those of other labs."""
        self._ignored.append(starter)

    def _sign(self) -> None:
        """Removes the ignored shingles from the sets in the file, and computes the signature of each set."""
        self._file.flush()
        ignored = np.unique(np.concatenate([np.empty(0, np.uint32), *self._ignored]))
        self._signatures = np.empty((len(self), HASHES), np.uint32)
        ends = [0]
        for number in range(len(self)):
            own = np.setdiff1d(self._shingles(number), ignored, assume_unique=True)
            os.pwrite(self._file.fileno(), own.tobytes(), ends[-1])  # never past the end of the set that was read
            ends.append(ends[-1] + own.nbytes)
            self._signatures[number] = signature(own)
        self._ends = ends

    def _shingles(self, number: int) -> Shingles:
        start, end = self._ends[number], self._ends[number + 1]
        return np.frombuffer(os.pread(self._file.fileno(), end - start, start), np.uint32)

    def near_copies(self, among: Index, of: Index, progress: Callable[[int, int], None] | None = None) -> set[int]:
        """The numbers in `among` that are near-copies of one in `of`. `progress` is called with bands done and in
        total."""
        found: set[int] = set()
        if not len(among) or not len(of):
            return found
        if len(self._signatures) < len(self):
            self._sign()
        signatures = self._signatures
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
