"""Bootstrap resamples of decisions, drawn whole: a student, or a lab, with all that belongs to it. Knows no figure.

Decisions of one student hang together, and so do those of one lab; an interval that drew single decisions would be too
narrow (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 8 and 13; percentile intervals).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from labs_schema.frozen import Frozen
from serving.measures.decisions import Decision

Floats = NDArray[np.float64]
Cluster = Literal["students", "labs"]

RESAMPLES = 2000
LEAST_LABS = 5
"""Fewer labs say nothing about other labs: no interval over labs is given."""


class Estimate(Frozen):
    """A figure with its 95 % bootstrap interval; None where it is not defined on this data."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Draws:
    """`decisions`: how often each decision counts, shape (1 + resamples, decisions); `labs`: how often each lab was
    drawn, each (1 + resamples,), all ones where students are drawn. Row 0 is the data as it is, all ones."""

    decisions: Floats
    labs: dict[str, Floats]


def draw(decisions: Sequence[Decision], over: Cluster, *, resamples: int = RESAMPLES, seed: int = 0) -> Draws:
    """As many students, or labs, as there are, drawn with replacement. `decisions` must not be empty."""
    clusters = [d.student if over == "students" else d.lab for d in decisions]
    weights = cluster_weights(clusters, resamples, seed)
    first_of_lab = {d.lab: i for i, d in reversed([*enumerate(decisions)])}
    ones = np.ones(len(weights))
    return Draws(weights, {lab: weights[:, i] if over == "labs" else ones for lab, i in first_of_lab.items()})


def cluster_weights(clusters: Sequence[str], resamples: int, seed: int) -> Floats:
    """How often each item counts, shape (1 + resamples, items), where whole `clusters` are drawn; row 0 all ones."""
    names, cluster = np.unique(clusters, return_inverse=True)
    count = len(names)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    return np.vstack([np.ones(count), drawn])[:, cluster].astype(np.float64)


def estimate(values: Floats) -> Estimate:
    """`values`: the figure of the data, then of every resample; NaN where it is not defined."""
    if np.isnan(values[0]):
        return Estimate(value=None, low=None, high=None)
    low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return Estimate(value=float(values[0]), low=float(low), high=float(high))


def weighted_mean(weights: Floats, values: Floats) -> Floats:
    """The mean of `values` (n,) under each row of `weights` (B, n), of those that are not NaN: shape (B,)."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = weights[:, known] @ values[known] / weights[:, known].sum(1)
    return mean


def mean_of_parts(parts: Iterable[tuple[Floats, Floats]]) -> Floats:
    """The mean over parts that are defined, from each part's (figures, weights), all (B,); NaN where none is."""
    figures, weights = (np.array(each) for each in zip(*parts, strict=True))
    counts = np.where(np.isnan(figures), 0, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = (np.nan_to_num(figures) * counts).sum(0) / counts.sum(0)
    return mean
