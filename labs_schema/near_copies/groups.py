"""Groups of programs that are equal, or nearly so, in what they do.

Leader clustering (Hartigan, Clustering Algorithms, 1975, ch. 3): a program joins the first leader that it is similar
enough to, else it leads a new group. Every member is therefore compared with its leader, which a person sees, and not
with a chain of other members.
"""

from collections.abc import Sequence

import numpy as np

from labs_schema.near_copies.sketches import BAND_ROWS, BANDS, Shingles, signature, similarity, starter_code

THRESHOLD = 0.95
"""Jaccard similarity with the leader: stricter than for leakage between splits, as one rating is given to all. Measured
in docs/measurements/near-copies.md."""
CANDIDATES = 50
"""Leaders that a program is compared with at most, which bounds the time for hostile labs."""


def copy_groups(programs: Sequence[Shingles], threshold: float = THRESHOLD) -> list[list[int]]:
    """The positions of the programs of each group, its leader first. Every program is in exactly one group.

    The part of a program that most of the others share counts alone too: programs that share only starter code differ.
    """
    starter = starter_code(np.empty(0, np.uint32), programs)
    groups: list[list[int]] = []
    buckets: dict[tuple[int, bytes], list[int]] = {}
    for number, program in enumerate(programs):
        keys = _band_keys(program)
        candidates = dict.fromkeys(group for key in keys for group in buckets.get(key, ()))
        for group in list(candidates)[:CANDIDATES]:
            if _is_copy(program, programs[groups[group][0]], starter, threshold):
                groups[group].append(number)
                break
        else:
            for key in keys:
                buckets.setdefault(key, []).append(len(groups))
            groups.append([number])
    return groups


def _band_keys(program: Shingles) -> list[tuple[int, bytes]]:
    hashes = signature(program)
    return [(band, hashes[band * BAND_ROWS : (band + 1) * BAND_ROWS].tobytes()) for band in range(BANDS)]


def _is_copy(program: Shingles, leader: Shingles, starter: Shingles, threshold: float) -> bool:
    if similarity(program, leader) < threshold:
        return False
    own, theirs = (np.setdiff1d(each, starter, assume_unique=True) for each in (program, leader))
    return similarity(own, theirs) >= threshold
