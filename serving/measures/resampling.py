"""Cluster bootstrap intervals and a paired permutation test, with students (or labs) as the resampled unit.

Decisions of one student are correlated, and so are those of one group and of one lab. Resampling single decisions would
give intervals that are too narrow (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 8 and 13; percentile
intervals).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from labs_schema.frozen import Frozen
from serving.measures.arrays import Floats
from serving.measures.decisions import Decision, clusters_of

Cluster = Literal["students", "labs"]

RESAMPLES = 2000
MIN_LABS = 5
"""With fewer labs there is no interval over labs: they would not support a statement about other labs."""
FLIPS = 9999


class Estimate(Frozen):
    """A statistic with its 95 % bootstrap interval; all None where it is undefined on this data.

    No interval if there is a single student, or if groups that change from lab to lab connect all students.
    """

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Draws:
    """Bootstrap weights. `decisions`: how often each decision counts, shape (1 + resamples, decisions). `labs`: how
    often each lab was drawn, shape (1 + resamples,) each, all ones when students are resampled. Row 0 is the original
    data: all ones."""

    decisions: Floats
    labs: dict[str, Floats]


def draw(decisions: Sequence[Decision], over: Cluster, *, resamples: int = RESAMPLES, seed: int = 0) -> Draws:
    """Draws as many students (or labs) as there are, with replacement; the members of a group are drawn together.

    `decisions` must not be empty.
    """
    clusters = clusters_of(decisions) if over == "students" else [d.lab for d in decisions]
    weights = cluster_weights(clusters, resamples, seed)
    first_of_lab = {d.lab: i for i, d in reversed([*enumerate(decisions)])}
    ones = np.ones(len(weights))
    return Draws(weights, {lab: weights[:, i] if over == "labs" else ones for lab, i in first_of_lab.items()})


def cluster_weights(clusters: Sequence[str], resamples: int, seed: int = 0) -> Floats:
    """The count of each item when complete clusters are drawn, shape (1 + resamples, items); row 0 is all ones.

    `clusters`: the cluster name of each item. NaN for a single cluster, whose resamples would all be equal.
    """
    names, cluster = np.unique(clusters, return_inverse=True)
    count = len(names)
    if count == 1:
        return np.vstack([np.ones(len(cluster)), np.full((resamples, len(cluster)), np.nan)])
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    return np.vstack([np.ones(count), drawn])[:, cluster].astype(np.float64)


def estimate(values: Floats) -> Estimate:
    """`values` (1 + resamples,): the statistic of the data, then of each resample; NaN where undefined."""
    if np.isnan(values[0]):
        return Estimate(value=None, low=None, high=None)
    if np.isnan(values[1:]).all():
        return Estimate(value=float(values[0]), low=None, high=None)
    low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return Estimate(value=float(values[0]), low=float(low), high=float(high))


def weighted_mean(weights: Floats, values: Floats) -> Floats:
    """The mean of the non-NaN `values` (n,) under each row of `weights` (B, n), shape (B,)."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = weights[:, known] @ values[known] / weights[:, known].sum(1)
    return mean


def mean_of_parts(parts: Iterable[tuple[Floats, Floats]]) -> Floats:
    """The weighted mean over the parts whose statistic is defined, shape (B,); NaN where none is.

    `parts`: (statistic, weight) of each part, both of shape (B,).
    """
    figures, weights = (np.array(each) for each in zip(*parts, strict=True))
    counts = np.where(np.isnan(figures), 0, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = (np.nan_to_num(figures) * counts).sum(0) / counts.sum(0)
    return mean


def sign_flip_test(decisions: Sequence[Decision], differences: Floats, *, resamples: int = FLIPS) -> float | None:
    """Two-sided p-value of the mean of `differences` (n,), one per decision, between two graders.

    Under the null hypothesis that the graders are exchangeable, the sign of the summed difference of each student or
    group is random (Good, Permutation Tests, 2005, section 3.2). NaN differences are ignored; returns None where
    nothing differs. Exact for few students. Otherwise `resamples` random flips plus the observed one on either side, so
    p is at least 2 / (resamples + 1) (Phipson & Smyth 2010, eq. 2).
    """
    students, member = np.unique(clusters_of(decisions), return_inverse=True)
    sums = np.bincount(member, weights=np.nan_to_num(differences), minlength=len(students))
    nonzero = sums[sums != 0]
    if len(nonzero) == 0:
        return None
    if len(nonzero) == 1:
        return 1.0
    from scipy.stats import permutation_test  # slow to import, and a service needs only the intervals

    found = permutation_test(
        (nonzero,),
        np.sum,
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)
