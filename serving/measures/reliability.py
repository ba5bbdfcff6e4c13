"""Whether confidences mean what they say, and what accepting the surest costs. Pure; knows no model and no file.

Every function takes `confidences` (N,), 0 to 1, how sure the grader was of the rating it gave, and `hits` (N,), 1 or
true where the TA gave that rating as well. N must not be 0.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labs_schema.frozen import Frozen
from serving.measures.decisions import Decision

Floats = NDArray[np.float64]


class ReliabilityBin(Frozen):
    """Of the `count` decisions whose confidence is above `low` and at most `high` (the first bin also holds 0): their
    mean confidence, and the share in which the TA agreed. Both are None in an empty bin."""

    low: float
    high: float
    count: int
    confidence: float | None
    agreement: float | None


class Reliability(Frozen):
    """`decisions`: how many had a rating and a confidence. `ece`, `brier`: see the functions."""

    decisions: int
    ece: float
    brier: float
    bins: tuple[ReliabilityBin, ...]


class RiskCoverage(Frozen):
    """Point i: accepting all confidences of at least `thresholds[i]` accepts the share `coverages[i]` of the decisions
    and disagrees with the TA in the share `risks[i]` of those. Thresholds fall. `area`: see `risk_coverage`."""

    thresholds: tuple[float, ...]
    coverages: tuple[float, ...]
    risks: tuple[float, ...]
    area: float


def reliability(decisions: Iterable[Decision], bins: int = 15) -> Reliability | None:
    """The figures of all decisions with a rating; None where there is none."""
    confidences, hits = confidences_and_hits(decisions)
    if not len(hits):
        return None
    return Reliability(
        decisions=len(hits),
        ece=ece(confidences, hits, bins),
        brier=brier(confidences, hits),
        bins=reliability_bins(confidences, hits, bins),
    )


def confidences_and_hits(decisions: Iterable[Decision]) -> tuple[Floats, Floats]:
    """What the functions below take, of the decisions with a rating and a confidence."""
    graded = [d for d in decisions if d.grader is not None]
    rated = [(d.confidence, d.grader == d.human) for d in graded if d.confidence is not None]
    pairs = np.array(rated, float).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def ece(confidences: ArrayLike, hits: ArrayLike, bins: int = 15) -> float:
    """Expected calibration error over bins of equal width: the mean distance between confidence and agreement of a
    bin, weighted by its share of the decisions (Guo et al. 2017, On Calibration of Modern Neural Networks, eq. 3)."""
    found = reliability_bins(confidences, hits, bins)
    apart = (b.count * abs((b.confidence or 0) - (b.agreement or 0)) for b in found)
    return sum(apart) / sum(b.count for b in found)


def brier(confidences: ArrayLike, hits: ArrayLike) -> float:
    """Mean square of confidence less hit: the Brier score (1950) of the rating given alone, between 0 and 1."""
    return float(np.mean((np.asarray(confidences, float) - np.asarray(hits, float)) ** 2))


def reliability_bins(confidences: ArrayLike, hits: ArrayLike, bins: int = 15) -> tuple[ReliabilityBin, ...]:
    """`bins` bins of equal width from 0 to 1, the empty ones as well: the bars of a reliability diagram."""
    sure, hit = np.asarray(confidences, float), np.asarray(hits, float)
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], sure)
    return tuple(
        ReliabilityBin(
            low=float(edges[i]),
            high=float(edges[i + 1]),
            count=int(inside.sum()),
            confidence=float(sure[inside].mean()) if inside.any() else None,
            agreement=float(hit[inside].mean()) if inside.any() else None,
        )
        for i in range(bins)
        for inside in [place == i]
    )


def risk_coverage(confidences: ArrayLike, hits: ArrayLike) -> RiskCoverage:
    """The curve of Geifman & El-Yaniv (2017, Selective Classification for Deep Neural Networks, section 2): equal
    confidences are accepted together. `area` is the mean risk over all coverages, 0 at best: each coverage up to a
    point counts with the risk of that point."""
    sure, hit = np.asarray(confidences, float), np.asarray(hits, float)
    order = np.argsort(-sure, kind="stable")
    last = np.flatnonzero(np.diff(sure[order], append=-1.0))
    accepted = last + 1
    risks = np.cumsum(1 - hit[order])[last] / accepted
    coverages = accepted / len(sure)
    return RiskCoverage(
        thresholds=tuple(sure[order][last].tolist()),
        coverages=tuple(coverages.tolist()),
        risks=tuple(risks.tolist()),
        area=float(np.diff(coverages, prepend=0.0) @ risks),
    )
