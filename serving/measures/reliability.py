"""Calibration of confidences (ECE, Brier score) and selective grading (risk-coverage curve, auto-accepted share).

`confidences` (N,), 0 to 1, are the grader's confidence in the rating it gave; `hits` (N,) are 1 or True where the TA
gave the same rating. N must not be 0.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from labs_schema.frozen import Frozen
from serving.measures.arrays import Floats
from serving.measures.decisions import Decision


class ReliabilityBin(Frozen):
    """Mean confidence and agreement of the `count` decisions with `low` < confidence <= `high` (the first bin also
    includes 0). Both are None in an empty bin."""

    low: float
    high: float
    count: int
    confidence: float | None
    agreement: float | None


class Reliability(Frozen):
    """Calibration of `decisions` decisions with a rating and a confidence. `ece`, `brier`: see the functions."""

    decisions: int
    ece: float
    brier: float
    bins: tuple[ReliabilityBin, ...]


class RiskCoverage(Frozen):
    """Point i: accepting confidences of at least `thresholds[i]` accepts the share `coverages[i]` of the decisions, of
    which the share `risks[i]` disagrees with the TA. Thresholds decrease. `area`: see `risk_coverage`."""

    thresholds: tuple[float, ...]
    coverages: tuple[float, ...]
    risks: tuple[float, ...]
    area: float


class ConfidenceFigures(Frozen):
    """Figures of `decisions` decisions by students whose ratings were not used for calibration.

    `before`: of the model's own probabilities. `after`: of the calibrated confidence, None without a calibration.
    `accepted`: share that is auto-accepted. `accepted_disagreement`: share of those where the TA gave another rating,
    None if none is accepted. `curve`: of the calibrated confidence if there is one.
    """

    decisions: int
    before: Reliability
    after: Reliability | None
    accepted: float
    accepted_disagreement: float | None
    curve: RiskCoverage


def confidence_figures(decisions: Sequence[Decision], *, calibrated: bool) -> ConfidenceFigures | None:
    """The figures; None if no decision has probabilities. `calibrated`: whether the confidences are calibrated."""
    raw = reliability(d.model_copy(update={"confidence": max(d.probabilities)}) for d in decisions if d.probabilities)
    if raw is None:
        return None
    accepted = [d for d in decisions if d.grader is not None and not d.reasons]
    wrong = sum(d.human != d.grader for d in accepted)
    return ConfidenceFigures(
        decisions=len(decisions),
        before=raw,
        after=reliability(decisions) if calibrated else None,
        accepted=len(accepted) / len(decisions),
        accepted_disagreement=wrong / len(accepted) if accepted else None,
        curve=risk_coverage(*confidences_and_hits(decisions)),
    )


def reliability(decisions: Iterable[Decision]) -> Reliability | None:
    """The calibration figures of all decisions with a rating and a confidence; None if there is none."""
    confidences, hits = confidences_and_hits(decisions)
    if not len(hits):
        return None
    return Reliability(
        decisions=len(hits),
        ece=ece(confidences, hits),
        brier=brier(confidences, hits),
        bins=reliability_bins(confidences, hits),
    )


def confidences_and_hits(decisions: Iterable[Decision]) -> tuple[Floats, Floats]:
    """Both (N,), of the decisions with a rating and a confidence."""
    graded = [d for d in decisions if d.grader is not None]
    rated = [(d.confidence, d.grader == d.human) for d in graded if d.confidence is not None]
    pairs = np.array(rated, float).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def ece(confidences: ArrayLike, hits: ArrayLike, bins: int = 15) -> float:
    """Expected calibration error over bins of equal width: |confidence - agreement| of each bin, weighted by its share
    of the decisions (Guo et al. 2017, On Calibration of Modern Neural Networks, eq. 3)."""
    found = reliability_bins(confidences, hits, bins)
    gaps = (b.count * abs((b.confidence or 0) - (b.agreement or 0)) for b in found)
    return sum(gaps) / sum(b.count for b in found)


def brier(confidences: ArrayLike, hits: ArrayLike) -> float:
    """Brier score (1950) of the rating given: mean of (confidence - hit)², 0 to 1."""
    return float(np.mean((np.asarray(confidences, float) - np.asarray(hits, float)) ** 2))


def reliability_bins(confidences: ArrayLike, hits: ArrayLike, bins: int = 15) -> tuple[ReliabilityBin, ...]:
    """`bins` bins of equal width from 0 to 1, including empty ones: the bars of a reliability diagram."""
    sure, hit = np.asarray(confidences, float), np.asarray(hits, float)
    edges = np.linspace(0, 1, bins + 1)
    member = np.searchsorted(edges[1:-1], sure)
    return tuple(
        ReliabilityBin(
            low=float(edges[i]),
            high=float(edges[i + 1]),
            count=int(inside.sum()),
            confidence=float(sure[inside].mean()) if inside.any() else None,
            agreement=float(hit[inside].mean()) if inside.any() else None,
        )
        for i in range(bins)
        for inside in [member == i]
    )


def risk_coverage(confidences: ArrayLike, hits: ArrayLike) -> RiskCoverage:
    """The risk-coverage curve of Geifman & El-Yaniv (2017, Selective Classification for Deep Neural Networks, section
    2). Equal confidences are accepted together. `area` is the mean risk over all coverages, 0 at best."""
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
