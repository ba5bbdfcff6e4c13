"""The space in which the regressions are fitted: features of programs, also relative to the mean of their lab.

A lab's mean program shows what the task demands; what a program has more or less of than its lab's mean transfers to
labs that were never rated. Both parts need the programs only, no ratings.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LANDMARKS = 1500
"""Programs that span the space; a decomposition takes O(LANDMARKS^3)."""
RANK = 300
"""Dimensions of the space."""


class Programs(NamedTuple):
    """`text` (n, f): sparse, rows of length 1. `hidden` (n, d): standardised. `labs` (n,): the index of each lab.

    `evidence` (n, e): what was observed, zero for programs that are not `observed` (n,). It is not part of the space.
    """

    text: Any
    hidden: Floats
    labs: Ints
    evidence: Floats
    observed: Bools


class Shares(NamedTuple):
    """The share of each kind of features in the similarity of two programs; the centred ones are relative to the lab.
    They sum to 1."""

    text: float = 0.2
    hidden: float = 0.3
    text_centred: float = 0.4
    hidden_centred: float = 0.1


class Basis(NamedTuple):
    """`points` (n, r): the programs. A program with similarities s (m,) to the landmarks is at `s @ projection`, with
    `projection` (m, r). `landmarks` (m,): rows. `scales`: the weight of each kind of features in the similarity."""

    points: Floats
    projection: Floats
    landmarks: Ints
    scales: Shares


def make_basis(programs: Programs, shares: Shares, seed: int) -> Basis:
    """Kernel principal components (Schölkopf et al. 1998), without centring, from a seeded choice of landmarks
    (Nyström, Williams and Seeger 2001) where there are many programs."""
    n = len(programs.labs)
    landmarks = np.sort(np.random.default_rng(seed).permutation(n)[:LANDMARKS])
    kinds = [text_similarity(programs.text, landmarks), programs.hidden @ programs.hidden[landmarks].T]
    kinds += [relative_to_labs(kind, programs.labs, landmarks) for kind in kinds]
    sizes = [max(float(kind[landmarks, np.arange(len(landmarks))].mean()), 1e-9) for kind in kinds]
    scales = Shares(*(share / size for share, size in zip(shares, sizes, strict=True)))
    similarity: Floats = sum((scale * kind for scale, kind in zip(scales, kinds, strict=True)), np.zeros(1))
    values, vectors = np.linalg.eigh(similarity[landmarks])
    chosen = np.flatnonzero(values > 1e-8 * values[-1])[-RANK:]
    projection = vectors[:, chosen] / np.sqrt(values[chosen])
    return Basis(similarity @ projection, projection, landmarks, scales)


def text_similarity(text: Any, landmarks: Ints) -> Floats:
    found: Floats = np.asarray((text @ text[landmarks].T).todense())
    return found


def relative_to_labs(similarity: Floats, labs: Ints, landmarks: Ints) -> Floats:
    """The similarities (n, m) of programs minus their lab's mean, computed from those of the programs themselves.

    <x - a, y - b> with the labs' means a and b is <x, y> - <a, y> - <x, b> + <a, b>. The means are over the landmarks.
    """
    means = lab_means(labs, landmarks)  # (labs, m)
    to_means = similarity @ means.T  # (n, labs)
    between = means @ to_means[landmarks]
    lab, other = labs, labs[landmarks]
    rows = means @ similarity[landmarks]
    found: Floats = similarity - rows[lab] - to_means[:, other] + between[np.ix_(lab, other)]
    return found


def lab_means(labs: Ints, landmarks: Ints) -> Floats:
    """(labs, m): row l averages the landmarks of lab l; zero without one."""
    members = (labs[landmarks] == np.arange(labs.max() + 1)[:, None]).astype(float)
    found: Floats = members / np.maximum(members.sum(1, keepdims=True), 1)
    return found
